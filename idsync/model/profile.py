"""A profile shown whole, for inspection (ID-250)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from idsync.model.aliasing import AliasRecord
from idsync.model.identity import GraphKey, Identity, Mpid

__all__ = ["Link", "Profile", "RecordedIdentity"]


class RecordedIdentity(NamedTuple):
    """One value on a record, with the journal entry that put it there."""

    identity: Identity
    since_seq: int
    since_ms: int
    rule: str


class Link(NamedTuple):
    """An edge with its lifetime; `until_seq` is `None` while it holds."""

    mpid: Mpid
    since_seq: int
    until_seq: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile; times in UTC milliseconds.

    Attributes:
        identities: The identity record, oldest first.
        descriptions: Values of types outside the priority (ID-026).
        returned_ms: The last recorded return; `None` if only its creation was recorded (ID-011).
        recency: Position of the entry that recorded its place in the order of ID-011.
        aliases: Alias requests that name it, in order of arrival.
        moved_to: Profiles that got what was taken off this one in the same entry, and is not back, in order.
    """

    mpid: Mpid
    graph: GraphKey
    erased: bool
    identities: tuple[RecordedIdentity, ...]
    descriptions: tuple[RecordedIdentity, ...]
    source: Mpid | None
    created_seq: int
    created_ms: int
    returned_ms: int | None
    recency: int
    aliases: tuple[AliasRecord, ...]
    moved_to: tuple[Mpid, ...] = ()
