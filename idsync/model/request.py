"""What a caller asks for, after the wire was parsed and absent values were dropped (ID-040)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid
from idsync.model.notice import Notice

__all__ = ["AliasRequest", "IdentityChange", "ModifyRequest", "Operation", "ResolveRequest"]


class Operation(StrEnum):
    """The calls that answer with one profile (section 6 of the specification)."""

    IDENTIFY = "identify"
    LOGIN = "login"
    LOGOUT = "logout"
    SEARCH = "search"


@dataclass(slots=True)
class ResolveRequest:
    """One identify, login, logout or search.

    Attributes:
        identities: At most one per type, absent values left out already.
        previous_mpid: The MPID of the answer before: a tie-break, never a key (ID-064).
        read_only: Resolve and write nothing (ID-088).
        idempotency_key: Only for logout; the same key has its effect once.
        notices: What parsing already left out (ID-024, ID-025).
    """

    operation: Operation
    graph: GraphKey
    identities: Mapping[IdentityType, Identity]
    previous_mpid: Mpid | None = None
    request_id: str = ""
    input_id: str = ""
    read_only: bool = False
    idempotency_key: str | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """One change of one type; `None` on both sides means "nothing" (ID-151 to ID-154)."""

    type: IdentityType
    old: Identity | None
    new: Identity | None


@dataclass(slots=True)
class ModifyRequest:
    """Change the identities of the profile `mpid`, in order, all or none (ID-158)."""

    graph: GraphKey
    mpid: Mpid
    changes: tuple[IdentityChange, ...]
    request_id: str = ""
    input_id: str = ""
    idempotency_key: str | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(slots=True)
class AliasRequest:
    """Attribute data of `source` to `destination`; times in UTC milliseconds (ID-181)."""

    graph: GraphKey
    source: Mpid
    destination: Mpid
    start_ms: int | None = None
    end_ms: int | None = None
    scope: str | None = None
    stamp: str | None = None
    request_id: str = ""
    input_id: str = ""
