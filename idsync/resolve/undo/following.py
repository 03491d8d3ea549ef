"""What a journal entry did, and which later entries rest on it: read from the journal alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from idsync.model.errors import ConflictError, NotFoundError
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import Change, ChangeKind, JournalEntry
from idsync.model.must_not import MustNot, Side
from idsync.store.protocol import Store

__all__ = ["MAX_FOLLOWING", "LinkKey", "Undoing", "forbidden_by", "gather", "sides_of"]

MAX_FOLLOWING: Final = 1_000
"""Later entries about one profile that are looked through; behind more nothing is undone."""

_LINKS: Final = {
    ChangeKind.IDENTITY_ADDED: (True, False),
    ChangeKind.IDENTITY_REMOVED: (False, False),
    ChangeKind.DESCRIPTION_ADDED: (True, True),
    ChangeKind.DESCRIPTION_REMOVED: (False, True),
}
"""Whether a change begins a link, and whether that is descriptive."""
_MUST_NOTS: Final = frozenset({ChangeKind.FORBIDDEN, ChangeKind.PERMITTED})
_QUARANTINES: Final = frozenset({ChangeKind.QUARANTINED, ChangeKind.RELEASED})
_ALIASES: Final = frozenset({ChangeKind.ALIAS_TAKEN, ChangeKind.ALIAS_IGNORED, ChangeKind.ALIAS_APPLIED})

LinkKey = tuple[Identity, Mpid, bool]
"""An identity and who has it, on the record or (`True`) as a description."""


@dataclass(slots=True)
class Undoing:
    """Entries that are undone together.

    Attributes:
        seen: Position up to which the journal was read.
        entries: Those entries by position, oldest first, each with the profile that it is about.
        named: The identities that they name, but for what was erased.
        links: Whether each link that they changed was there before the first of them.
        forbade: Which of them made must-not-links.
        permitted: What those forbade that they withdrew, but for themselves.
    """

    seen: int
    entries: dict[int, Mpid]
    named: list[Identity]
    links: dict[LinkKey, bool] = field(default_factory=dict)
    forbade: list[int] = field(default_factory=list)
    permitted: list[tuple[Side, Side]] = field(default_factory=list)

    @property
    def mpids(self) -> list[Mpid]:
        """The profiles whose links change, in order of appearance."""
        return list(dict.fromkeys(mpid for _, mpid, _ in self.links))

    @property
    def identities(self) -> list[Identity]:
        """What is named by links and must-not-links, but for what was erased."""
        named = [identity for identity, _, _ in self.links]
        named += self.named
        named += [i for sides in self.permitted for side in sides for i in side.identities]
        return [identity for identity in dict.fromkeys(named) if identity.value]


async def gather(store: Store, graph: GraphKey, seq: int, *, with_following: bool) -> Undoing:
    """Find what is to be undone.

    Raises:
        NotFoundError: There is no such entry.
        ConflictError: It cannot be undone, or later entries rest on it.
    """
    seen = await store.last_seq(graph)
    entry = (await store.entries_at(graph, [seq])).get(seq)
    if entry is None or seq > seen:
        raise NotFoundError(f"there is no journal entry {seq}")
    _require_undoable(entry)
    chosen = {seq: entry}
    later: dict[Mpid, list[JournalEntry]] = {}
    while True:
        for mpid in _touched(chosen.values()):
            if mpid not in later:
                found = await store.entries(graph, seq, MAX_FOLLOWING + 1, mpid)
                if len(found) > MAX_FOLLOWING:
                    raise ConflictError(
                        f"more than {MAX_FOLLOWING:,} entries came after it on profile {mpid}"
                    )
                later[mpid] = [each for each in found if each.seq <= seen]
        following = {
            each.seq: each
            for entries in later.values()
            for each in entries
            if each.seq not in chosen and _rests_on(each, chosen.values())
        }
        if not following:
            break
        if not with_following:
            _refuse_because_of(following, seq)
        for each in following.values():
            _require_undoable(each)
        chosen |= following
    return await _undoing(store, graph, seen, [chosen[each] for each in sorted(chosen)])


def _require_undoable(entry: JournalEntry) -> None:
    kinds = {change.kind for change in entry.changes}
    if ChangeKind.PROFILE_ERASED in kinds:
        raise ConflictError(f"journal entry {entry.seq} erased a profile: that cannot be undone")
    if kinds & _ALIASES:
        raise ConflictError(f"journal entry {entry.seq} is about an alias: that cannot be undone")
    if kinds & _QUARANTINES:
        raise ConflictError(
            f"journal entry {entry.seq} is about a quarantine: release the value, or quarantine it again"
        )
    if not kinds & (_LINKS.keys() | _MUST_NOTS):
        raise ConflictError(f"there is nothing to undo in journal entry {entry.seq}")


def _refuse_because_of(following: dict[int, JournalEntry], seq: int) -> None:
    seqs = ",".join(str(each) for each in sorted(following))
    undone = {c.alias_seq for e in following.values() for c in e.changes if c.kind is ChangeKind.REVERTED}
    for each in following.values():
        undid = any(c.kind is ChangeKind.REVERTED and c.alias_seq == seq for c in each.changes)
        if undid and each.seq not in undone:
            raise ConflictError(
                f"journal entry {each.seq} has undone it already: undo that one to have it back",
                entries=seqs,
            )
    raise ConflictError(f"these later journal entries rest on it: {seqs}", entries=seqs)


def _links(entry: JournalEntry) -> Iterable[tuple[LinkKey, bool]]:
    for change in entry.changes:
        if change.kind in _LINKS and change.identity is not None:
            begins, descriptive = _LINKS[change.kind]
            yield (change.identity, change.mpid, descriptive), begins


def _touched(entries: Iterable[JournalEntry]) -> set[Mpid]:
    return {mpid for entry in entries for (_, mpid, _), _ in _links(entry)} | _created(entries)


def _created(entries: Iterable[JournalEntry]) -> set[Mpid]:
    return {c.mpid for entry in entries for c in entry.changes if c.kind is ChangeKind.PROFILE_CREATED}


def _rests_on(later: JournalEntry, chosen: Iterable[JournalEntry]) -> bool:
    """Say whether an entry changes what others did, or was led to where it went by it."""
    before = [entry for entry in chosen if entry.seq < later.seq]
    if not before:
        return False
    if any(c.kind is ChangeKind.PROFILE_ERASED and c.mpid in _touched(before) for c in later.changes):
        return True
    links = [key for key, _ in _links(later)]
    if not links:
        return False
    created = _created(before)
    touched = {key for entry in before for key, _ in _links(entry)}
    if any(key in touched or key[1] in created for key in links):
        return True
    led_by = later.evidence.decided_by
    gained = {key for entry in before for key, begins in _links(entry) if begins}
    return led_by is not None and (led_by, later.mpid, False) in gained


async def _undoing(store: Store, graph: GraphKey, seen: int, entries: list[JournalEntry]) -> Undoing:
    named = [c.identity for e in entries for c in e.changes if c.identity is not None]
    undoing = Undoing(seen, {entry.seq: entry.mpid for entry in entries}, named)
    chosen = {entry.seq for entry in entries}
    withdrawn: set[int] = set()
    for entry in entries:
        for key, begins in _links(entry):
            undoing.links.setdefault(key, not begins)
        kinds = {change.kind for change in entry.changes}
        if ChangeKind.FORBIDDEN in kinds:
            undoing.forbade.append(entry.seq)
        withdrawn |= {c.alias_seq for c in entry.changes if c.kind is ChangeKind.PERMITTED}
    for forbidding in (await store.entries_at(graph, withdrawn - chosen)).values():
        undoing.permitted += [link.sides for link in sides_of(forbidding)]
    return undoing


def sides_of(entry: JournalEntry) -> list[MustNot]:
    """Give the must-not-links that an entry made, as they were."""
    return forbidden_by(entry.seq, entry.changes)


def forbidden_by(seq: int, changes: Iterable[Change]) -> list[MustNot]:
    """Give the must-not-links that changes make, as those of the entry `seq`."""
    links: dict[int, list[Side]] = {}
    for change in changes:
        if change.kind is ChangeKind.FORBIDDEN:
            number, side = divmod(change.alias_seq, 2)
            sides = links.setdefault(number, [Side(), Side()])
            if change.identity is None:
                sides[side] = sides[side]._replace(mpid=change.mpid)
            elif change.identity.value:
                sides[side] = sides[side]._replace(identities=(*sides[side].identities, change.identity))
    return [MustNot(seq, (sides[0], sides[1])) for sides in links.values()]
