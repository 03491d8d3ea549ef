"""A scenario: a small story of calls in order, each with what must come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from idsync.model.policy import Policy

__all__ = ["AnyCase", "Call", "Capability", "Case", "HttpMessage", "Settings", "SignatureCase", "Step"]


class Call(StrEnum):
    """What a step does."""

    IDENTIFY = "identify"
    LOGIN = "login"
    LOGOUT = "logout"
    SEARCH = "search"
    MODIFY = "modify"
    ALIAS = "alias"
    DELETE = "delete"
    HTTP = "http"

    @property
    def resolves(self) -> bool:
        """Whether the call answers with one profile, found by identities."""
        return self in {Call.IDENTIFY, Call.LOGIN, Call.LOGOUT, Call.SEARCH}


class Capability(StrEnum):
    """What a case may need beyond the calls of clients."""

    INSPECTION = "inspection"
    """A profile's record, source and alias requests can be read by MPID."""
    CLOCK = "clock"
    """The service's clock can be moved."""
    ERASURE = "erasure"
    """There is a call `delete`."""
    WORKSPACES = "workspaces"
    """There are several workspaces."""
    HTTP = "http"
    """Calls go over HTTP, so that what a typed interface cannot say can be sent."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a case says of the configuration it was written for.

    Attributes:
        policy: The settings of every scope of the case.
        scopes: The scope of each workspace, by the workspace's name.
    """

    policy: Policy
    scopes: Mapping[str, str]

    def differs_from(self, policy: Policy) -> str:
        """Say in which settings the case differs from those it is run on; nothing: in none."""
        own = self.policy
        names = {
            "strategy": (own.strategy, policy.strategy),
            "identity_priority": (own.priority, policy.priority),
            "login_ids": (own.login, policy.login),
            "unique_ids": (own.unique, policy.unique),
            "immutable_ids": (own.immutable, policy.immutable),
            "max_per_type": (own.max_per_type, policy.max_per_type),
            "alias_max_window_days": (own.alias_max_window_days, policy.alias_max_window_days),
            "search_requires_immutable": (own.search_requires_immutable, policy.search_requires_immutable),
            "conflict_guard": (own.conflict_guard, policy.conflict_guard),
            "blocked_values": (own.blocked_values, policy.blocked_values),
        }
        return ", ".join(name for name, (mine, other) in names.items() if mine != other)


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """An HTTP request sent as it stands; `$key` and bound symbols are put in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Step:
    """One call and what must come back.

    Attributes:
        number: Its place in the case, from 1.
        workspace: Whose credentials are used.
        request: The parameters as the file has them, faults included.
        query: Flags of the query.
        omit: Members that the runner must not add.
        advance_ms: How far the clock moves before the call.
        expect: What must come back; only the members present are checked.
        http: For the call `http`.
    """

    number: int
    call: Call
    workspace: str
    request: Mapping[str, Any]
    query: Mapping[str, Any]
    omit: frozenset[str]
    advance_ms: int
    note: str
    expect: Mapping[str, Any]
    http: HttpMessage | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A story that begins with an empty graph.

    Attributes:
        file: The file it comes from, as it was named.
        published: Where the story was published first; empty if nowhere.
        settings: `None` if the case leaves the configuration to whoever runs it.
    """

    file: str
    id: str
    title: str
    rules: tuple[str, ...]
    published: str
    requires: frozenset[Capability]
    settings: Settings | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class SignatureCase:
    """The parts of a signed request and the signature they must give (ID-224)."""

    file: str
    id: str
    title: str
    rules: tuple[str, ...]
    secret: str = field(repr=False)
    method: str
    date: str
    path: str
    body: str
    signature: str


AnyCase = Case | SignatureCase
