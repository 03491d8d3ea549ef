"""Traffic with splits, reverts and must-not-links in it, and what a reader of the journal expects of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from idsync.model.errors import IdsyncError
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import Change, ChangeKind, JournalEntry
from idsync.model.must_not import MustNot, Side, forbidding
from idsync.model.undo import Forbidding, ForbidRequest, RevertRequest, SplitRequest, Undone
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.undo.following import sides_of
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.graphs import identity_maps
from idsync.testing.player import Answer, Player, Refusal
from idsync.testing.scribe import GRAPH
from idsync.testing.traffic import GRAPHS, Call, modifyings, resolvings

__all__ = [
    "ALL",
    "Act",
    "Forbid",
    "Records",
    "Revert",
    "Split",
    "Told",
    "Undoer",
    "broken_must_nots",
    "forbids",
    "records",
    "reverts",
    "splits",
    "undo_traffic",
]

ALL: Final = 1_000_000
NOBODYS: Final = Identity(IdentityType.OTHER, "nobody's")
Records: TypeAlias = dict[Mpid, set[tuple[Identity, bool]]]
"""What each profile has: on its record, or (`True`) as a description."""


@dataclass(frozen=True)
class Split:
    """The first `count` of a profile's identities, from the end, onto a new profile or another."""

    target: int
    count: int
    onto: int | None
    forbid: bool


@dataclass(frozen=True)
class Revert:
    """The entry that is so many before the last."""

    back: int
    with_following: bool
    forbid: bool


@dataclass(frozen=True)
class Forbid:
    """Two values, or a value and a profile."""

    first: Identity
    second: Identity | int
    withdraw: bool


Act: TypeAlias = Call | Split | Revert | Forbid
Told: TypeAlias = Answer | Undone | Forbidding

_ordinals = st.integers(0, 4)
_identities = identity_maps(min_size=1).map(lambda found: next(iter(found.values())))
splits = st.builds(Split, _ordinals, st.integers(1, 3), st.none() | _ordinals, st.booleans())
reverts = st.builds(Revert, st.integers(0, 4), st.booleans(), st.booleans())
forbids = st.builds(Forbid, _identities, _identities | _ordinals, st.sampled_from((False, False, True)))


def undo_traffic(max_size: int = 14) -> st.SearchStrategy[list[Act]]:
    """Draw calls with what operators do among them."""
    here: list[st.SearchStrategy[Any]] = [resolvings()] * 3 + [modifyings()]
    calls = [each.map(lambda call: replace(call, graph=GRAPH)) for each in here]
    return st.lists(st.one_of(*calls, splits, reverts, forbids), min_size=2, max_size=max_size)


class Undoer(Player):
    """Plays what operators do as well."""

    def __init__(self, store: Store, scope: Scope, clock: ManualClock) -> None:
        super().__init__(store, scope, clock)
        self._scope_played = scope
        self._clock_played = clock
        self.change_node(store)

    def change_node(self, store: Store) -> None:
        """Play to another node from now on."""
        self.go_on_with(store)
        scopes = {graph.scope: self._scope_played for graph in GRAPHS}
        self.resolver = Resolver(store, scopes, self._clock_played)

    async def act(self, act: Act) -> Told:
        """Do one thing; a refusal is an answer too."""
        try:
            if isinstance(act, Split):
                return await self.resolver.split(await self.split_request(act))
            if isinstance(act, Revert):
                return await self.resolver.revert(await self.revert_request(act))
            if isinstance(act, Forbid):
                return await self.resolver.forbid(self.forbid_request(act))
        except IdsyncError as error:
            return Refusal(type(error).__name__, error.reason)
        return await self.play(act)

    async def split_request(self, act: Split, *, preview: bool = False) -> SplitRequest:
        """Choose from what the profile has now."""
        mpid = self.mpid(act.target)
        found = (await self.store.profiles(GRAPH, [mpid])).get(mpid)
        has = [] if found is None else [r.identity for r in found.identities]
        chosen = tuple(reversed(has[-act.count :])) or (NOBODYS,)
        onto = None if act.onto is None else self.mpid(act.onto)
        return SplitRequest(GRAPH, mpid, chosen, onto, act.forbid, preview)

    async def revert_request(self, act: Revert, *, preview: bool = False) -> RevertRequest:
        """Count from the end of the journal."""
        last = await self.store.last_seq(GRAPH)
        return RevertRequest(GRAPH, last - act.back, act.with_following, act.forbid, preview)

    def forbid_request(self, act: Forbid) -> ForbidRequest:
        """Name what is meant now."""
        second = Side(mpid=self.mpid(act.second)) if isinstance(act.second, int) else Side((act.second,))
        return ForbidRequest(GRAPH, (Side((act.first,)), second), act.withdraw)


def apply(state: Records, changes: Sequence[Change]) -> None:
    """Do to records what an entry did."""
    for change in changes:
        if change.kind is ChangeKind.PROFILE_CREATED or change.kind is ChangeKind.PROFILE_ERASED:
            state[change.mpid] = set()
        elif change.identity is not None and change.kind in _LINKS:
            begins, descriptive = _LINKS[change.kind]
            (state[change.mpid].add if begins else state[change.mpid].remove)((change.identity, descriptive))


_LINKS: Final = {
    ChangeKind.IDENTITY_ADDED: (True, False),
    ChangeKind.IDENTITY_REMOVED: (False, False),
    ChangeKind.DESCRIPTION_ADDED: (True, True),
    ChangeKind.DESCRIPTION_REMOVED: (False, True),
}


def records(entries: Sequence[JournalEntry], up_to: int = ALL) -> Records:
    """Add up the journal, in the plainest way."""
    state: Records = {}
    for entry in entries:
        if entry.seq <= up_to:
            apply(state, entry.changes)
    return state


def broken_must_nots(entries: Sequence[JournalEntry]) -> list[int]:
    """Name the entries that put an identity where it was forbidden to be."""
    state: Records = {}
    standing: dict[int, list[MustNot]] = {}
    broken: list[int] = []
    for entry in entries:
        had = {mpid: set(record) for mpid, record in state.items()}
        apply(state, entry.changes)
        for change in entry.changes:
            if change.kind is ChangeKind.PERMITTED:
                standing.pop(change.alias_seq)
        for change in entry.changes:
            if change.kind is ChangeKind.IDENTITY_ADDED and change.identity is not None:
                if (change.identity, False) in had.get(change.mpid, ()):
                    continue
                record = {identity for identity, descriptive in state[change.mpid] if not descriptive}
                links = [link for links in standing.values() for link in links]
                if forbidding(links, change.identity, change.mpid, record):
                    broken.append(entry.seq)
        made = sides_of(entry)
        if made:
            standing[entry.seq] = made
    return broken
