"""The fold: what the tables become when one more journal entry is added to them.

The journal is the truth. Every store, `idsync db rebuild` and `idsync db check` use this one function, so the
tables are the sum of the entries by construction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from idsync.model.aliasing import AliasState
from idsync.model.flag import Flag
from idsync.model.identity import Mpid
from idsync.model.journal import ChangeKind
from idsync.store.rows import (
    AliasRow,
    FlagRow,
    IdentityRow,
    LinkRow,
    MustNotRow,
    ProfileRow,
    StoredChange,
    StoredEntry,
)

__all__ = ["Tables", "fold", "forgotten"]


# Names of the module cost a tenth of members of an enumeration, and the fold asks for many.
_CREATED: Final = ChangeKind.PROFILE_CREATED
_ADDED: Final = ChangeKind.IDENTITY_ADDED
_RETURNED: Final = ChangeKind.RETURNED
_ERASED: Final = ChangeKind.PROFILE_ERASED
_ACTIVE: Final = ChangeKind.ACTIVE
_NO_LONGER_DESCRIBED: Final = ChangeKind.DESCRIPTION_REMOVED
_DESCRIBED: Final = ChangeKind.DESCRIPTION_ADDED
_REMOVED: Final = ChangeKind.IDENTITY_REMOVED
_FORBIDDEN: Final = ChangeKind.FORBIDDEN
_PERMITTED: Final = ChangeKind.PERMITTED
_REVERTED: Final = ChangeKind.REVERTED
_MUST_NOT_KINDS: Final = frozenset({_FORBIDDEN, _PERMITTED, _REVERTED})
_VALUE_ERASED: Final = ChangeKind.VALUE_ERASED
_RAISING: Final = frozenset({ChangeKind.QUARANTINED, ChangeKind.ALARM_RAISED})
_ENDING: Final = frozenset({ChangeKind.RELEASED, ChangeKind.ALARM_ENDED})
_ALARM_KINDS: Final = frozenset({ChangeKind.ALARM_RAISED, ChangeKind.ALARM_ENDED})
_IMPLIED: Final = frozenset(
    {_CREATED, ChangeKind.BECAME_KNOWN, ChangeKind.BECAME_ANONYMOUS, ChangeKind.VALUE_KEPT}
)
"""Changes that say what the others of their entry amount to, and the row added above."""


class Tables(Protocol):
    """The rows of one graph that a fold reads and changes in place; every row asked for exists."""

    def identity(self, identity_id: int) -> IdentityRow:
        """Give an identity, about to be changed."""
        ...

    def is_held(self, identity_id: int) -> bool:
        """Say whether any open link, descriptive ones included, leads to the identity."""
        ...

    def profile(self, mpid: Mpid) -> ProfileRow:
        """Give a profile, about to be changed."""
        ...

    def add_profile(self, row: ProfileRow) -> None:
        """Add a profile."""
        ...

    def open_links(self, mpid: Mpid) -> Iterable[LinkRow]:
        """List the open links of a profile, descriptive ones included, oldest first."""
        ...

    def add_link(self, row: LinkRow) -> None:
        """Open a link."""
        ...

    def close_link(self, identity_id: int, mpid: Mpid, seq: int, *, descriptive: bool) -> None:
        """Close the open link of an identity and a profile."""
        ...

    def add_alias(self, row: AliasRow) -> None:
        """Add an alias request."""
        ...

    def alias(self, seq: int) -> AliasRow:
        """Give an alias request, about to be changed."""
        ...

    def add_must_not(self, row: MustNotRow) -> None:
        """Add a member of a must-not-link."""
        ...

    def end_must_nots(self, seq: int, until_seq: int) -> Iterable[int]:
        """Withdraw what the entry `seq` forbade; gives the ids of the identities that were named."""
        ...

    def add_flag(self, row: FlagRow) -> None:
        """Raise a flag of an identity."""
        ...

    def end_flags(self, identity_id: int, kind: int | None, until_seq: int) -> None:
        """Take a flag off an identity, or all that it has."""
        ...


def forgotten(entry: StoredEntry) -> list[Mpid]:
    """List the profiles of which an entry takes the texts of callers as well.

    An erasure that somebody ordered carries its id as its key. Whoever was only inactive (ID-214) leaves
    answers that may be given again (ID-042).
    """
    if entry.idempotency_key is None:
        return []
    return [change.mpid for change in entry.changes if change.kind is _ERASED]


def fold(entry: StoredEntry, tables: Tables) -> None:
    """Add one entry to the tables of its graph.

    Besides what the changes say: every profile touched takes the entry's position as its version, and so
    does every identity whose holders changed, or one of whose holders changed its place in the order of
    ID-011, its types or its life, and every identity that a must-not-link names or ceases to name, or that
    gets a flag or loses one. A version is therefore a complete condition for a decision that rests on the
    holders of an identity.
    """
    seq = entry.seq
    types_before: dict[Mpid, int] = {}
    reordered: set[Mpid] = set()
    created: Mpid | None = None
    profile: ProfileRow | None = None
    for position, change in enumerate(entry.changes):
        kind, mpid = change.kind, change.mpid
        if kind is _CREATED:
            created = mpid
            tables.add_profile(
                ProfileRow(mpid, change.other, seq, entry.at_ms, recency=seq, active_ms=entry.at_ms)
            )
        if profile is None or profile.mpid != mpid:
            if not mpid:
                # about values that need not be on any profile
                _say(change, position, seq, tables)
                continue
            profile = tables.profile(mpid)
            profile.version = seq
            types_before.setdefault(mpid, profile.types)
        if kind is _ADDED:
            assert change.identity_id is not None
            _add(change.identity_id, change.type, position, seq, profile, tables)
        elif kind not in _IMPLIED:
            _change(change, position, entry, profile, tables)
            if kind is _RETURNED:
                reordered.add(mpid)
    for mpid, before in types_before.items():
        # What a new profile has was added just now, and took the position with it.
        if mpid != created and (mpid in reordered or tables.profile(mpid).types != before):
            for link in tables.open_links(mpid):
                if not link.descriptive:
                    tables.identity(link.identity_id).version = seq


def _add(
    identity_id: int, identity_type: int, position: int, seq: int, profile: ProfileRow, tables: Tables
) -> None:
    tables.identity(identity_id).version = seq
    tables.add_link(LinkRow(identity_id, profile.mpid, seq, position))
    profile.size += 1
    profile.types |= 1 << identity_type


def _change(
    change: StoredChange, position: int, entry: StoredEntry, profile: ProfileRow, tables: Tables
) -> None:
    seq, kind = entry.seq, change.kind
    if change.identity_id is not None:
        tables.identity(change.identity_id).version = seq
    if kind is _REMOVED:
        assert change.identity_id is not None
        tables.close_link(change.identity_id, change.mpid, seq, descriptive=False)
        profile.size -= 1
        profile.types = _types(profile.mpid, tables)
    elif kind is _DESCRIBED:
        assert change.identity_id is not None
        tables.add_link(LinkRow(change.identity_id, change.mpid, seq, position, descriptive=True))
    elif kind is _NO_LONGER_DESCRIBED:
        assert change.identity_id is not None
        tables.close_link(change.identity_id, change.mpid, seq, descriptive=True)
    elif kind is _RETURNED:
        profile.recency = seq
        profile.returned_ms = profile.active_ms = entry.at_ms
    elif kind is _ACTIVE:
        profile.active_ms = entry.at_ms
    elif kind is _ERASED:
        _erase(profile, seq, tables)
    elif kind in _MUST_NOT_KINDS:
        _must_not(change, position, seq, tables)
    elif kind is _VALUE_ERASED:
        assert change.identity_id is not None
        _forget(change.identity_id, seq, tables)
    else:
        _alias(change, entry, tables)


def _say(change: StoredChange, position: int, seq: int, tables: Tables) -> None:
    """Take in what an entry says of values alone; whoever rests on one of them must look again."""
    raising = change.kind in _RAISING
    if not raising and change.kind not in _ENDING:
        _must_not(change, position, seq, tables)
        return
    identity_id = change.identity_id
    assert identity_id is not None
    tables.identity(identity_id).version = seq
    kind = change.alias_seq if change.kind in _ALARM_KINDS else int(Flag.QUARANTINE)
    if raising:
        tables.add_flag(FlagRow(identity_id, kind, seq))
    else:
        tables.end_flags(identity_id, kind, seq)


def _must_not(change: StoredChange, position: int, seq: int, tables: Tables) -> None:
    """Forbid or permit, if it is that; whoever rests on an identity that is named must look again."""
    if change.kind is _REVERTED:
        return
    if change.kind is _PERMITTED:
        for identity_id in tables.end_must_nots(change.alias_seq, seq):
            tables.identity(identity_id).version = seq
        return
    named = change.identity_id
    if named is not None:
        tables.identity(named).version = seq
    mpid = change.mpid if named is None else None
    tables.add_must_not(MustNotRow(seq, position, change.alias_seq, named, mpid))


def _types(mpid: Mpid, tables: Tables) -> int:
    types = 0
    for link in tables.open_links(mpid):
        if not link.descriptive:
            types |= 1 << tables.identity(link.identity_id).type
    return types


def _erase(profile: ProfileRow, seq: int, tables: Tables) -> None:
    for link in list(tables.open_links(profile.mpid)):
        tables.close_link(link.identity_id, profile.mpid, seq, descriptive=link.descriptive)
        identity = tables.identity(link.identity_id)
        identity.version = seq
        _forget(link.identity_id, seq, tables)
    profile.erased = True
    profile.types = profile.size = 0


def _forget(identity_id: int, seq: int, tables: Tables) -> None:
    """Empty a value that nobody holds any more, and end what was said of it: it names nothing."""
    if not tables.is_held(identity_id):
        tables.identity(identity_id).value = None
        tables.end_flags(identity_id, None, seq)


def _alias(change: StoredChange, entry: StoredEntry, tables: Tables) -> None:
    if change.kind is ChangeKind.ALIAS_TAKEN:
        assert change.terms is not None
        tables.add_alias(AliasRow(entry.seq, change.terms, AliasState.PENDING, entry.at_ms))
        tables.profile(change.terms.destination).version = entry.seq
    elif change.kind in {ChangeKind.ALIAS_IGNORED, ChangeKind.ALIAS_APPLIED}:
        row = tables.alias(change.alias_seq or entry.seq)
        row.settled_seq = entry.seq
        if change.kind is ChangeKind.ALIAS_APPLIED:
            row.state, row.applied_ms = AliasState.APPLIED, entry.at_ms
        else:
            row.state, row.ignored_reason = AliasState.IGNORED, change.reason
        tables.profile(row.terms.destination).version = entry.seq
