"""A write and the conditions it rests on; and what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid
from idsync.model.journal import Change, Evidence
from idsync.model.notice import Notice
from idsync.model.view import GraphView

__all__ = ["Applied", "ChangeSet", "Modification", "Outcome", "Resolution", "Stale"]

_NONE: Final = Evidence()


@dataclass(slots=True)
class ChangeSet:
    """One atomic write: all of it happens or none of it (ID-041).

    A change set without changes commits nothing; applying it vouches that what the view showed is durable.

    Attributes:
        mpid: The profile it is about; `NEW` (0) lets the store name a new one.
        view: The look that it rests on.
        identities: Versions the commit depends on; 0 for an identity that must still not exist.
        profiles: Likewise for profiles.
        overtaken: Whether `mpid` was seen to be overtaken, and must still be or not be (ID-011); `None`: the
            write does not rest on it.
        idempotency_key: Must still be on no entry of `input_id`.
    """

    graph: GraphKey
    mpid: Mpid
    view: GraphView
    cause: str = ""
    rule: str = ""
    changes: tuple[Change, ...] = ()
    identities: Mapping[Identity, int] = field(default_factory=dict)
    profiles: Mapping[Mpid, int] = field(default_factory=dict)
    overtaken: bool | None = None
    evidence: Evidence = _NONE
    request_id: str = ""
    input_id: str = ""
    idempotency_key: str | None = None


@dataclass(slots=True)
class Applied:
    """The change set holds.

    Attributes:
        mpid: The profile, named by now.
        seq: Position of the journal entry written; 0 when nothing changed.
        durable: Await this before answering; `None`: everything seen and written is on disk already. It
            raises `UnavailableError` when the write failed, and then nothing of it remains.
    """

    mpid: Mpid
    seq: int
    durable: Awaitable[None] | None


@dataclass(slots=True)
class Stale:
    """A condition no longer held; nothing was written. Look again."""


class Outcome(StrEnum):
    """What became of a call (ID-252)."""

    FOUND = "found"
    CREATED = "created"
    CONVERTED = "converted"
    REFUSED = "refused"


@dataclass(slots=True)
class Resolution:
    """The answer to an identify, login, logout or search (section 9 of the specification).

    Attributes:
        matched: What was sent and was on the profile before the call (ID-171).
        is_logged_in: Known after the call (ID-172).
        is_ephemeral: The client may forget this profile when it moves on (ID-173).
        journal_seq: The entry written; 0 when nothing changed.
    """

    mpid: Mpid
    matched: tuple[Identity, ...]
    is_logged_in: bool
    is_ephemeral: bool
    outcome: Outcome
    rule: str
    decided_by: Identity | None
    journal_seq: int
    notices: tuple[Notice, ...]


@dataclass(slots=True)
class Modification:
    """The answer to a modify (ID-159): one pair per profile that a change really changed, in order."""

    results: tuple[tuple[IdentityType, Mpid], ...]
    is_logged_in: bool
    journal_seq: int
    notices: tuple[Notice, ...]
