"""What a surface had prepared is given for exactly as long as the answer it was made of would be given."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.model.changes import Applied, ChangeSet
from idsync.model.identity import Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.resolve import at_once
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.steps.resolving import ResolveStep
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.store import EmbeddedStore
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH

T = IdentityType
DEVICE = Identity(T.IOS_IDFV, "device")
OTHER = Identity(T.IOS_IDFV, "other device")
CUSTOMER = Identity(T.CUSTOMERID, "c1")
POLICY = Policy(
    "profile_conversion",
    (T.CUSTOMERID, T.IOS_IDFV),
    login=frozenset({T.CUSTOMERID}),
    unique=frozenset({T.CUSTOMERID}),
)
SCOPE = Scope(POLICY, load_strategies([POLICY.strategy])[POLICY.strategy])


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    yield store
    await store.close()


@pytest.fixture
def resolver(store: EmbeddedStore) -> Resolver:
    return Resolver(store, {GRAPH.scope: SCOPE}, ManualClock())


def call(*identities: Identity, operation: Operation = Operation.IDENTIFY) -> ResolveRequest:
    return ResolveRequest(operation, GRAPH, {i.type: i for i in identities})


async def prepare(resolver: Resolver, request: ResolveRequest) -> None:
    answer = [await resolver.resolve(request) for _ in range(2)][1]
    resolver.prepare("name", request, answer, "prepared")


async def test_given_while_nothing_changes(resolver: Resolver) -> None:
    await prepare(resolver, call(DEVICE))
    await resolver.resolve(call(OTHER))

    assert [resolver.recall("name"), resolver.recall("name")] == ["prepared"] * 2
    assert resolver.recall("another name") is None


@pytest.mark.parametrize("change", ["sign-up", "moved", "erased"])
async def test_not_given_once_anything_it_rests_on_changed(resolver: Resolver, change: str) -> None:
    await prepare(resolver, call(DEVICE))
    mpid = (await resolver.resolve(call(DEVICE))).mpid

    if change == "sign-up":
        await resolver.resolve(call(DEVICE, CUSTOMER, operation=Operation.LOGIN))
    elif change == "moved":
        moved = IdentityChange(T.IOS_IDFV, DEVICE, OTHER)
        await resolver.modify(ModifyRequest(GRAPH, mpid, (moved,)))
    else:
        await resolver.delete(GRAPH, mpid)

    assert resolver.recall("name") is None
    assert isinstance(resolver._rounds, at_once.AtOnce)
    assert not resolver._rounds._prepared, "it names values, and what it says is no longer true"


async def test_an_answer_that_was_overtaken_is_not_prepared(resolver: Resolver) -> None:
    """While its caller waited, the same call was answered anew: that answer's conditions are not its own."""
    old = [await resolver.resolve(call(DEVICE)) for _ in range(2)][1]
    await resolver.delete(GRAPH, old.mpid)
    new = [await resolver.resolve(call(DEVICE)) for _ in range(2)][1]

    resolver.prepare("name", call(DEVICE), old, "of the old answer")
    assert resolver.recall("name") is None

    resolver.prepare("name", call(DEVICE), new, "of the new answer")
    assert resolver.recall("name") == "of the new answer"


async def test_an_answer_where_now_is_a_refusal_is_not_prepared(resolver: Resolver) -> None:
    old = [await resolver.resolve(call(DEVICE)) for _ in range(2)][1]
    await resolver.delete(GRAPH, old.mpid)
    search = call(DEVICE, operation=Operation.SEARCH)
    assert [type(answer).__name__ for answer in await resolver.resolve_all([search])] == ["NotFoundError"]

    resolver.prepare("name", search, old, "prepared")

    assert resolver.recall("name") is None


async def test_not_given_before_it_is_on_disk(store: EmbeddedStore) -> None:
    """Acknowledged means durable: who asks meanwhile must wait for the group that the answer rests on."""

    async def decided() -> ChangeSet:
        step = ResolveStep(call(DEVICE), SCOPE, ManualClock())
        return step.decide((await store.read_views([step.wanted]))[0])

    [created] = await store.apply([await decided()])
    found = await decided()
    before = store.stands(found)
    assert isinstance(created, Applied)
    assert created.durable is not None
    await created.durable

    assert not found.changes
    assert (before, store.stands(found)) == (False, True)


async def test_what_cannot_be_read_does_not_stand(
    store: EmbeddedStore, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The long way has the words for it."""
    await prepare(resolver, call(DEVICE))

    def broken(_: object) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store._overlay, "holds", broken)

    assert resolver.recall("name") is None


async def test_what_has_left_the_memory_vouches_for_nothing(tmp_path: Path) -> None:
    """What was seen may have left for room, come back, and have changed since: then it is another node."""
    url = f"sqlite:///{tmp_path / 'small.db'}"
    store = await open_store(url, clock=ManualClock(), cache_identities=1)
    resolver = Resolver(store, {GRAPH.scope: SCOPE}, ManualClock())
    await prepare(resolver, call(DEVICE))
    mpid = (await resolver.resolve(call(DEVICE))).mpid
    for number in range(10):
        await resolver.resolve(call(Identity(T.IOS_IDFV, f"other {number}")))
        await store.settle()
    moved = IdentityChange(T.IOS_IDFV, DEVICE, OTHER)
    await resolver.modify(ModifyRequest(GRAPH, mpid, (moved,)))

    assert resolver.recall("name") is None
    await store.close()


async def test_an_erasure_empties_it(resolver: Resolver) -> None:
    """ID-212: a name holds values, and nobody can tell whose."""
    await prepare(resolver, call(DEVICE))
    erased = await resolver.resolve(call(OTHER))
    await resolver.delete(GRAPH, erased.mpid)

    assert isinstance(resolver._rounds, at_once.AtOnce)
    assert not resolver._rounds._prepared


async def test_room_is_bounded(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "MAX_REMEMBERED", 2)
    for number, identity in enumerate((DEVICE, OTHER, CUSTOMER)):
        answer = [await resolver.resolve(call(identity)) for _ in range(2)][1]
        resolver.prepare(number, call(identity), answer, "prepared")

    assert [resolver.recall(number) for number in range(3)] == [None, "prepared", "prepared"]


async def test_a_store_that_others_write_to_remembers_nothing() -> None:
    resolver = Resolver(MemoryStore(clock=ManualClock()), {GRAPH.scope: SCOPE}, ManualClock())
    await prepare(resolver, call(DEVICE))

    assert resolver.recall("name") is None
