"""The journal: one entry for everything one call changed, with who asked, what was seen and which rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from idsync.model.aliasing import AliasTerms
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.notice import Notice

__all__ = ["ALIAS_KINDS", "NEW", "Change", "ChangeKind", "Evidence", "JournalEntry"]

NEW: Final[Mpid] = 0
"""Stands for the profile that the store is about to name; 0 is no profile's MPID (ID-007)."""


class ChangeKind(IntEnum):
    """What a change does; the numbers are those of the wire and the store."""

    PROFILE_CREATED = 1
    """`other` is the source, if any (ID-122)."""
    IDENTITY_ADDED = 2
    IDENTITY_REMOVED = 3
    BECAME_KNOWN = 4
    BECAME_ANONYMOUS = 5
    RETURNED = 6
    """The profile moves to the top of the order of ID-011."""
    DESCRIPTION_ADDED = 7
    DESCRIPTION_REMOVED = 8
    ALIAS_TAKEN = 9
    """`terms` says what was asked."""
    ALIAS_IGNORED = 10
    """`reason` says why; in the entry that took it, or later."""
    ALIAS_APPLIED = 11
    PROFILE_ERASED = 12
    ACTIVE = 13
    """The profile was in use; only where a retention is set (ID-214)."""
    FORBIDDEN = 14
    """One member of a side of a must-not-link: `identity`, or the profile itself where there is none."""
    PERMITTED = 15
    """The must-not-links of the entry `alias_seq` are withdrawn."""
    REVERTED = 16
    """The entry `alias_seq` is undone; the other changes say what that took."""
    VALUE_ERASED = 20
    """A value that nobody living holds is forgotten; `reason` is its keyed digest."""
    VALUE_KEPT = 21
    """A value of an erased profile stays with others; likewise."""
    QUARANTINED = 30
    """`identity` is no key by which anybody is found; `reason` is what the operator said."""
    RELEASED = 31
    """`identity` is a key again; `alias_seq` is the entry that quarantined it."""
    ALARM_RAISED = 32
    """`identity` crossed a limit: `alias_seq` is the `Flag`, `reason` the figures."""
    ALARM_ENDED = 33
    """Likewise: it is below the limit again, or an operator has seen to it; `reason` says which."""


ALIAS_KINDS: Final = frozenset({ChangeKind.ALIAS_TAKEN, ChangeKind.ALIAS_IGNORED, ChangeKind.ALIAS_APPLIED})
"""Changes that concern two profiles: `mpid` is the source, `other` the destination."""


class Change(NamedTuple):
    """One change of one profile.

    Attributes:
        mpid: The profile; `NEW` in a change set that creates it.
        identity: The value added or removed; its value is empty once it was erased.
        other: Another profile: the source of a new one, the other side of an alias.
        terms: For `ALIAS_TAKEN`.
        alias_seq: For `ALIAS_IGNORED` and `ALIAS_APPLIED`: the entry that took the request; 0 for this one.
            For `PERMITTED` the entry that forbade, for `REVERTED` the one that is undone. For `FORBIDDEN`
            the side: 0 and 1 are those of the entry's first must-not-link, 2 and 3 those of its second, ...
            For `RELEASED` the entry that quarantined; for alarms the number of their `Flag`.
        reason: For `ALIAS_IGNORED`; for the first `FORBIDDEN` of an entry, for `QUARANTINED` and `RELEASED`
            what the operator said; for alarms the figures; for `VALUE_ERASED` and `VALUE_KEPT` a keyed digest
            of the value.
    """

    kind: ChangeKind
    mpid: Mpid
    identity: Identity | None = None
    other: Mpid | None = None
    terms: AliasTerms | None = None
    alias_seq: int = 0
    reason: str = ""


class Evidence(NamedTuple):
    """What a decision rested on.

    Attributes:
        asked: The identities of the request that the graph knows once the entry is written.
        matched: Those that were on the returned profile's record before (ID-171).
        decided_by: The identity that settled the walk (ID-063); `None` when nothing matched.
        candidates: How many candidates were left when the walk ended.
    """

    asked: tuple[Identity, ...] = ()
    matched: tuple[Identity, ...] = ()
    decided_by: Identity | None = None
    candidates: int = 0
    previous_mpid: Mpid | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(slots=True)
class JournalEntry:
    """One entry of the journal of one graph.

    Attributes:
        seq: Counts from 1 in each graph, without gaps, in the order of commits.
        at_ms: When it was committed, UTC milliseconds.
        cause: The call: `identify`, `login`, `logout`, `modify`, `alias`, `erase`, ...
        rule: Stable name of the rule that decided.
        input_id: The input that asked, as workspace/key; empty for the service itself.
        mpid: The profile that was returned or named; 0 where the entry is about values alone.
    """

    graph: GraphKey
    seq: int
    at_ms: int
    cause: str
    rule: str
    request_id: str
    input_id: str
    mpid: Mpid
    changes: tuple[Change, ...]
    evidence: Evidence
    idempotency_key: str | None = None
