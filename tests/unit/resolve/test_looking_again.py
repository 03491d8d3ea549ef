"""A store that brings too little: the call looks again, with what it lacked, and nobody else has to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from idsync.model.changes import ChangeSet, Outcome
from idsync.model.errors import IdsyncError
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.view import GraphView, Holders, LookAgain, ProfileView, Ranked, ViewRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Scope
from idsync.resolve.rounds import MAX_ATTEMPTS, Rounds
from idsync.resolve.steps.resolving import ResolveStep
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe

POLICY = Policy("profile_conversion", (IdentityType.CUSTOMERID, IdentityType.IOS_IDFV))
MANY = MAX_ATTEMPTS + 5
MOST_LOOKS = 3 * MANY


def device(name: object) -> Identity:
    return Identity(IdentityType.IOS_IDFV, str(name))


class _ScantRanked:
    def __init__(self, ranked: Ranked, identity: Identity, is_whole: bool) -> None:
        self._ranked, self._identity, self._is_whole = ranked, identity, is_whole

    def __len__(self) -> int:
        return len(self._ranked)

    def __contains__(self, mpid: object, /) -> bool:
        return mpid in self._ranked

    def newest_first(self) -> Iterator[Mpid]:
        if not self._is_whole:
            raise LookAgain(identity=self._identity)
        return self._ranked.newest_first()


class _ScantHolders:
    def __init__(self, holders: Holders, identity: Identity, is_whole: bool) -> None:
        self._holders = holders
        self.version = holders.version
        self.known: Ranked = _ScantRanked(holders.known, identity, is_whole)
        self.anonymous: Ranked = _ScantRanked(holders.anonymous, identity, is_whole)

    def has(self, mpid: Mpid) -> bool:
        return self._holders.has(mpid)

    def describes(self, mpid: Mpid) -> bool:
        return self._holders.describes(mpid)


class _ScantView:
    """Shows the holders that were asked for as a whole, and the profiles that were asked for by name."""

    def __init__(self, view: GraphView, wanted: ViewRequest) -> None:
        self._view, self._wanted = view, wanted
        self.aliases, self.earlier = view.aliases, view.earlier
        self.has_must_nots, self.must_nots = view.has_must_nots, view.must_nots
        self.has_quarantined, self.flags = view.has_quarantined, view.flags

    def holders(self, identity: Identity) -> Holders | None:
        holders = self._view.holders(identity)
        return holders and _ScantHolders(holders, identity, identity in self._wanted.whole)

    def profile(self, mpid: Mpid) -> ProfileView | None:
        if mpid not in self._wanted.profiles:
            raise LookAgain(profile=mpid)
        return self._view.profile(mpid)


class ScantStore(MemoryStore):
    """Brings only what was asked for by name; `looks` has what each look was asked for."""

    def __init__(self) -> None:
        super().__init__(clock=ManualClock())
        self.looks: list[list[ViewRequest]] = []

    async def read_views(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        self.looks.append(list(wanted))
        assert len(self.looks) <= MOST_LOOKS, "it looks for ever"
        views = await super().read_views(wanted)
        return [_ScantView(view, request) for view, request in zip(views, wanted, strict=True)]


class CuriousStep(ResolveStep):
    """Wants to know some profiles, one after the other, before it decides; it says once what it wants."""

    def __init__(self, request: ResolveRequest, *curious: Mpid) -> None:
        super().__init__(request, _scope(), ManualClock())
        self._curious = curious
        self._wanted = super().wanted

    @property
    def wanted(self) -> ViewRequest:
        return self._wanted

    def decide(self, view: GraphView) -> ChangeSet:
        for mpid in self._curious:
            assert view.profile(mpid) is not None
        return super().decide(view)


def _scope() -> Scope:
    return Scope(POLICY, load_strategies([POLICY.strategy])[POLICY.strategy])


def _identify(identity: Identity, *curious: Mpid) -> CuriousStep:
    return CuriousStep(ResolveRequest(Operation.IDENTIFY, GRAPH, {identity.type: identity}), *curious)


async def _taken(how: str, store: ScantStore, *steps: CuriousStep) -> list[Any]:
    """Take steps as single calls that come at once, or as one batch."""
    rounds = Rounds(store)
    if how == "batch":
        return await rounds.take_in_order(steps)
    return await asyncio.gather(*(rounds.take(step) for step in steps))


async def _people(store: ScantStore, count: int) -> list[Mpid]:
    """Make so many profiles, each with a device."""
    scribe = Scribe(store, login=POLICY.login_set)
    found = [await scribe.create(device(number)) for number in range(count)]
    store.looks.clear()
    return found


@pytest.mark.parametrize("how", ["calls", "batch"])
async def test_the_next_look_brings_what_was_missing(how: str) -> None:
    """First all holders of the device, then the profile of the one."""
    store = ScantStore()
    [holder] = await _people(store, 1)

    [answer] = await _taken(how, store, step := _identify(device(0)))

    assert answer.mpid == holder
    assert [(tuple(look.whole), tuple(look.profiles)) for [look] in store.looks] == [
        ((), ()),
        ((device(0),), ()),
        ((device(0),), (holder,)),
    ]
    assert (step.wanted.whole, step.wanted.profiles) == ((), ()), "what it wants by itself stays"


@pytest.mark.parametrize("how", ["calls", "batch"])
async def test_looking_again_is_no_lost_race(how: str) -> None:
    """A call may look as often as it takes; only what other writers cost it is counted."""
    store = ScantStore()
    people = await _people(store, MANY)

    [answer] = await _taken(how, store, _identify(device("new"), *people))

    assert answer.outcome is Outcome.CREATED
    assert len(store.looks) == MANY + 1


async def test_calls_that_have_what_they_need_are_answered_meanwhile() -> None:
    """In a round; they do not look again."""
    store = ScantStore()
    [holder] = await _people(store, 1)

    asking, other = await _taken("calls", store, _identify(device(0)), _identify(device("new")))

    assert (asking.mpid, other.outcome) == (holder, Outcome.CREATED)
    assert [len(look) for look in store.looks] == [2, 1, 1]


async def test_in_a_batch_the_calls_before_are_carried_out_first_and_those_behind_afterwards() -> None:
    """Each sees the effect of all before it, also when it had to look again."""
    store = ScantStore()
    people = await _people(store, 3)
    steps = [
        _identify(device("first")),
        _identify(device("second"), *people),
        _identify(device("first"), people[0]),
        _identify(device("third")),
    ]

    answers = await _taken("batch", store, *steps)

    assert not any(isinstance(answer, IdsyncError) for answer in answers)
    first, second, again, third = answers
    assert again.mpid == first.mpid
    assert [answer.outcome for answer in answers] == ["created", "created", "found", "created"]
    assert first.journal_seq < second.journal_seq < third.journal_seq
    assert [tuple(look.profiles) for look in store.looks[1]] == [(people[0],), (), ()], "each has its own"


@pytest.mark.parametrize("how", ["calls", "batch"])
async def test_what_changed_between_two_looks_is_seen(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision rests on the last look alone."""
    store = ScantStore()
    [known] = await _people(store, 1)
    rival = Scribe(store, login=POLICY.login_set)
    rivals = await rival.prepare(0, *rival.creation(device("new")))
    store.looks.clear()

    async def read_views(wanted: Sequence[ViewRequest]) -> list[GraphView]:
        if len(store.looks) == 1:
            await store.apply([rivals])
        return await ScantStore.read_views(store, wanted)

    monkeypatch.setattr(store, "read_views", read_views)

    [answer] = await _taken(how, store, _identify(device("new"), known))

    assert answer.outcome is Outcome.FOUND
