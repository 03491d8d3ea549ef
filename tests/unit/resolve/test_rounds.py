"""Calls that race: against each other they all get through, against others only so often."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from idsync.model.changes import Applied, ChangeSet, Resolution, Stale
from idsync.model.errors import ContentionError, NotFoundError, UnavailableError
from idsync.model.identity import Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve import rounds
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.rounds import MAX_ATTEMPTS
from idsync.resolve.steps.resolving import ResolveStep
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe

DEVICE = Identity(IdentityType.IOS_IDFV, "device")
OTHER_DEVICE = Identity(IdentityType.IOS_IDFV, "other device")


class RivalledStore(MemoryStore):
    """A store that somebody else writes to as well, just before we commit."""

    def __init__(self, rivalries: int) -> None:
        super().__init__(clock=ManualClock())
        self._rivalries = rivalries

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        if self._rivalries:
            self._rivalries -= 1
            rival = Scribe(self)
            await super().apply([await rival.prepare(0, *rival.creation(DEVICE))])
        return await super().apply(changes, in_order=in_order)


def _resolver(store: MemoryStore) -> Resolver:
    policy = Policy("profile_conversion", (IdentityType.CUSTOMERID, IdentityType.IOS_IDFV))
    scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
    return Resolver(store, {GRAPH.scope: scope}, ManualClock())


def _logout(identity: Identity) -> ResolveRequest:
    return ResolveRequest(Operation.LOGOUT, GRAPH, {identity.type: identity})


async def test_a_call_that_lost_a_few_races_looks_again() -> None:
    """Nobody hears of a race that was won in the end (ID-041)."""
    store = RivalledStore(MAX_ATTEMPTS - 1)

    answer = await _resolver(store).resolve(_logout(DEVICE))

    assert (await Scribe(store).holders(DEVICE))[0] == answer.mpid


async def test_a_call_that_never_wins_is_told_so() -> None:
    """Nothing was changed, and it may try again."""
    store = RivalledStore(MAX_ATTEMPTS)

    with pytest.raises(ContentionError):
        await _resolver(store).resolve(_logout(DEVICE))
    assert len(await Scribe(store).journal()) == MAX_ATTEMPTS


async def test_in_a_batch_only_the_loser_is_told_so() -> None:
    store = RivalledStore(MAX_ATTEMPTS)

    lost, won = await _resolver(store).resolve_all([_logout(DEVICE), _logout(OTHER_DEVICE)])

    assert isinstance(lost, ContentionError)
    assert isinstance(won, Resolution)
    assert len(await Scribe(store).journal()) == MAX_ATTEMPTS + 1, "nothing was written out of order"


async def test_in_a_batch_every_call_has_its_own_attempts() -> None:
    """What one lost is not counted for the next."""
    store = RivalledStore(MAX_ATTEMPTS + 1)

    lost, won = await _resolver(store).resolve_all([_logout(DEVICE)] * 2)

    assert isinstance(lost, ContentionError)
    assert isinstance(won, Resolution)


class WatchedStore(MemoryStore):
    """Notes how many looks are taken at a time; commits are on disk when the test says so.

    Attributes:
        looks: The size of each round.
        may_look: Looks wait for it.
        disk: What commits wait for, one future for each call of `apply` that wrote; `None`: for nothing.
    """

    def __init__(self, *, has_disk: bool = False) -> None:
        super().__init__(clock=ManualClock())
        self.looks: list[int] = []
        self.looking = 0
        self.most_looking = 0
        self.may_look = asyncio.Event()
        self.may_look.set()
        self.disk: list[asyncio.Future[None]] | None = [] if has_disk else None

    async def read_views(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        self.looks.append(len(wanted))
        self.looking += 1
        self.most_looking = max(self.most_looking, self.looking)
        await self.may_look.wait()
        self.looking -= 1
        return await super().read_views(wanted)

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        results = await super().apply(changes, in_order=in_order)
        if self.disk is None:
            return results
        self.disk.append(asyncio.get_running_loop().create_future())
        return [replace(r, durable=self.disk[-1]) if isinstance(r, Applied) else r for r in results]


async def _turns() -> None:
    """Let everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_calls_never_lose_against_calls_of_their_own_round_too_often() -> None:
    """Each logout of one device makes a profile (ID-103), so that only one of them gets through each time."""
    store = WatchedStore()
    resolver = _resolver(store)
    many = 5 * MAX_ATTEMPTS

    answers = await asyncio.gather(*(resolver.resolve(_logout(DEVICE)) for _ in range(many)))

    assert [answer.journal_seq for answer in answers] == list(range(1, many + 1)), "first come, first served"
    assert len({answer.mpid for answer in answers}) == many
    assert len(await Scribe(store).journal()) == many
    assert sum(store.looks) <= 4 * many, "who is bound to lose does not look"


async def test_a_batch_goes_on_as_long_as_one_gets_through() -> None:
    """However often the others must look again."""
    store = WatchedStore()
    many = 3 * MAX_ATTEMPTS

    answers = await _resolver(store).resolve_all([_logout(DEVICE)] * many)

    assert [a.journal_seq for a in answers if isinstance(a, Resolution)] == list(range(1, many + 1))
    assert sum(store.looks) <= 10 * many


@pytest.mark.parametrize("how", ["calls", "batch"])
async def test_a_round_has_a_bound(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """One round never holds the loop for long."""
    monkeypatch.setattr(rounds, "MAX_ROUND", 8)
    store = WatchedStore()
    resolver = _resolver(store)
    calls = [_logout(Identity(IdentityType.IOS_IDFV, str(n))) for n in range(30)]

    if how == "batch":
        await resolver.resolve_all(calls)
    else:
        await asyncio.gather(*(resolver.resolve(call) for call in calls))

    assert store.looks == [8, 8, 8, 6]


async def test_whoever_comes_during_a_round_waits_for_the_next() -> None:
    """Two rounds at a time would race against each other."""
    store = WatchedStore()
    resolver = _resolver(store)
    store.may_look.clear()
    first = asyncio.create_task(resolver.resolve(_logout(DEVICE)))
    await _turns()
    others = [asyncio.create_task(resolver.resolve(_logout(OTHER_DEVICE))) for _ in range(2)]
    await _turns()

    store.may_look.set()
    await asyncio.gather(first, *others)

    assert store.most_looking == 1


async def test_a_call_given_up_before_its_round_is_not_carried_out() -> None:
    store = WatchedStore()
    resolver = _resolver(store)
    leaving = asyncio.create_task(resolver.resolve(_logout(DEVICE)))
    staying = asyncio.create_task(resolver.resolve(_logout(OTHER_DEVICE)))
    await asyncio.sleep(0)

    leaving.cancel()
    answer = await staying

    assert answer.journal_seq == 1
    assert len(await Scribe(store).journal()) == 1


async def test_calls_of_a_round_that_failed_are_told_so_and_the_next_one_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = WatchedStore()
    resolver = _resolver(store)

    async def broken(_: object) -> list[GraphView]:
        raise UnavailableError("the store cannot be read")

    with monkeypatch.context() as patched:
        patched.setattr(store, "read_views", broken)
        failed = await asyncio.wait_for(
            asyncio.gather(*(resolver.resolve(_logout(DEVICE)) for _ in range(2)), return_exceptions=True), 30
        )

    assert [type(error) for error in failed] == [UnavailableError] * 2
    assert (await asyncio.wait_for(resolver.resolve(_logout(DEVICE)), 30)).journal_seq == 1


async def test_a_round_that_cannot_be_written_still_answers_who_only_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full disk is no reason not to say what is known."""
    store = WatchedStore()
    resolver = _resolver(store)
    known = await resolver.resolve(_logout(DEVICE))
    apply = store.apply

    async def full(changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        if any(each.changes for each in changes):
            raise UnavailableError("the database has no room left")
        return await apply(changes, in_order=in_order)

    monkeypatch.setattr(store, "apply", full)
    search = ResolveRequest(Operation.SEARCH, GRAPH, {DEVICE.type: DEVICE})
    answers = await asyncio.wait_for(
        asyncio.gather(resolver.resolve(_logout(DEVICE)), resolver.resolve(search), return_exceptions=True),
        30,
    )

    assert isinstance(answers[0], UnavailableError)
    assert isinstance(answers[1], Resolution)
    assert answers[1].mpid == known.mpid


@pytest.mark.parametrize("ends", ["written", "failed"])
async def test_calls_are_answered_when_their_group_is_on_disk(ends: str) -> None:
    """Whoever gave up waiting is no matter to the others."""
    store = WatchedStore(has_disk=True)
    assert store.disk is not None
    resolver = _resolver(store)
    leaving, *staying = [
        asyncio.create_task(resolver.resolve(_logout(Identity(IdentityType.IOS_IDFV, str(n)))))
        for n in range(3)
    ]
    await _turns()
    assert not any(call.done() for call in staying), "nothing is on disk yet"
    leaving.cancel()

    if ends == "written":
        store.disk[0].set_result(None)
    else:
        store.disk[0].set_exception(UnavailableError("the store cannot write"))
    answers = await asyncio.wait_for(asyncio.gather(*staying, return_exceptions=True), 30)

    expected = Resolution if ends == "written" else UnavailableError
    assert [type(answer) for answer in answers] == [expected] * 2


@pytest.mark.parametrize("ends", ["written", "failed", "given up"])
async def test_a_batch_is_answered_when_it_is_on_disk(ends: str) -> None:
    """Whoever gives up waiting for it leaves the group to the others."""
    store = WatchedStore(has_disk=True)
    assert store.disk is not None
    batch = asyncio.create_task(_resolver(store).resolve_all([_logout(DEVICE)]))
    await _turns()
    assert not batch.done(), "nothing is on disk yet"

    if ends == "given up":
        batch.cancel()
        await asyncio.wait([batch])
        assert not store.disk[0].cancelled()
        return
    if ends == "written":
        store.disk[0].set_result(None)
    else:
        store.disk[0].set_exception(UnavailableError("the store cannot write"))
    [answer] = await batch

    assert type(answer) is (Resolution if ends == "written" else UnavailableError)


@pytest.mark.parametrize("how", ["calls", "batch"])
async def test_a_refusal_concerns_nobody_else(how: str) -> None:
    resolver = _resolver(MemoryStore(clock=ManualClock()))
    calls = [ResolveRequest(Operation.SEARCH, GRAPH, {DEVICE.type: DEVICE}), _logout(OTHER_DEVICE)]

    answers: list[object] = []
    if how == "batch":
        answers += await resolver.resolve_all(calls)
    else:
        answers += await asyncio.gather(*(resolver.resolve(call) for call in calls), return_exceptions=True)

    assert [type(answer) for answer in answers] == [NotFoundError, Resolution]


async def test_a_strategy_that_fails_concerns_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strategies are other people's code."""
    resolver = _resolver(MemoryStore(clock=ManualClock()))
    decide = ResolveStep.decide

    def failing(step: ResolveStep, view: GraphView) -> ChangeSet:
        if DEVICE in step.wanted.identities:
            raise ValueError("not a number")
        return decide(step, view)

    monkeypatch.setattr(ResolveStep, "decide", failing)
    failed, answer = await asyncio.gather(
        *(resolver.resolve(_logout(identity)) for identity in (DEVICE, OTHER_DEVICE)), return_exceptions=True
    )

    assert isinstance(failed, ValueError)
    assert isinstance(answer, Resolution)
