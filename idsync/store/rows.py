"""The rows of the tables, and journal entries as they are kept: identities by id, never by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from idsync.model.aliasing import AliasState
from idsync.model.identity import Mpid, TypeSet
from idsync.model.journal import ChangeKind

__all__ = [
    "AliasRow",
    "FlagRow",
    "IdentityRow",
    "LinkRow",
    "MustNotRow",
    "ProfileRow",
    "StoredChange",
    "StoredEntry",
    "StoredEvidence",
    "StoredTerms",
    "profile_columns",
]


@dataclass(slots=True)
class IdentityRow:
    """A node: one value. The dictionary that journal entries refer to.

    Attributes:
        value: `None` once it was erased and no living profile holds it.
        version: Position of the last entry that changed who holds it, or their order or state.
    """

    identity_id: int
    type: int
    value: str | None
    version: int = 0


@dataclass(slots=True)
class ProfileRow:
    """A profile; times in UTC milliseconds, positions in journal entries.

    Attributes:
        types: The types on its record.
        size: How many identities are on its record.
        recency: Position of the entry that created it or last recorded its return (ID-011).
    """

    mpid: Mpid
    source: Mpid | None
    created_seq: int
    created_ms: int
    recency: int
    active_ms: int
    returned_ms: int | None = None
    erased: bool = False
    types: TypeSet = 0
    size: int = 0
    version: int = 0


def profile_columns(row: ProfileRow) -> tuple[Any, ...]:
    """Give the columns of a profile in the order of the table, without the graph."""
    return (
        row.mpid,
        row.source,
        row.created_seq,
        row.created_ms,
        row.recency,
        row.active_ms,
        row.returned_ms,
        int(row.erased),
        row.types,
        row.size,
        row.version,
    )


@dataclass(slots=True)
class LinkRow:
    """An edge with its lifetime.

    Attributes:
        position: Place of the change in the entry that made it: orders the values one entry adds (ID-074).
        descriptive: Not on the record (ID-026).
    """

    identity_id: int
    mpid: Mpid
    since_seq: int
    position: int = 0
    until_seq: int | None = None
    descriptive: bool = False


class StoredTerms(NamedTuple):
    """`AliasTerms` with the stamp by id."""

    source: Mpid
    destination: Mpid
    start_ms: int
    end_ms: int
    scope: str
    stamp_id: int | None
    apply_at_ms: int


@dataclass(slots=True)
class AliasRow:
    """An alias request that was taken, under the position of its entry.

    Attributes:
        settled_seq: Position of the entry that carried it out or ignored it.
    """

    seq: int
    terms: StoredTerms
    state: AliasState
    arrived_ms: int
    ignored_reason: str = ""
    applied_ms: int | None = None
    settled_seq: int | None = None


@dataclass(slots=True)
class MustNotRow:
    """One member of a must-not-link, under the entry that made it and the place of the change therein.

    Attributes:
        side: 0 and 1 are the sides of the entry's first must-not-link, 2 and 3 those of its second, ...
        identity_id: The member, or
        mpid: the member.
        until_seq: Position of the entry that withdrew it; `None` while it stands.
    """

    seq: int
    position: int
    side: int
    identity_id: int | None
    mpid: Mpid | None
    until_seq: int | None = None


@dataclass(slots=True)
class FlagRow:
    """A flag of an identity, under the entry that raised it.

    Attributes:
        kind: The number of a `Flag`.
        until_seq: Position of the entry that took it off; `None` while it stands.
    """

    identity_id: int
    kind: int
    seq: int
    until_seq: int | None = None


class StoredChange(NamedTuple):
    """`Change` with the identity by id and type."""

    kind: ChangeKind
    mpid: Mpid
    identity_id: int | None = None
    type: int = 0
    other: Mpid | None = None
    terms: StoredTerms | None = None
    alias_seq: int = 0
    reason: str = ""


class StoredEvidence(NamedTuple):
    """`Evidence` with identities by id; notices as (type, reason), with a position where they have one."""

    asked: tuple[int, ...] = ()
    matched: tuple[int, ...] = ()
    decided_by: int | None = None
    candidates: int = 0
    previous_mpid: Mpid | None = None
    notices: tuple[tuple[int, ...], ...] = ()


class StoredEntry(NamedTuple):
    """`JournalEntry` of one graph, as it is kept."""

    seq: int
    at_ms: int
    cause: str
    rule: str
    request_id: str
    input_id: str
    mpid: Mpid
    changes: tuple[StoredChange, ...]
    evidence: StoredEvidence
    idempotency_key: str | None = None
