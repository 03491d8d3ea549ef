"""What a call was answered is remembered exactly as long as it is true."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from idsync.model.changes import Resolution, Stale
from idsync.model.errors import ContentionError, LookupFailedError, NotFoundError, UnavailableError
from idsync.model.identity import Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve import at_once
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.steps.resolving import ResolveStep
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.store import EmbeddedStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH

T = IdentityType
DEVICE = Identity(T.IOS_IDFV, "device")
OTHER = Identity(T.IOS_IDFV, "other device")
EMAIL = Identity(T.EMAIL, "a@example.com")
CUSTOMER = Identity(T.CUSTOMERID, "c1")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    yield store
    await store.close()


@pytest.fixture
def decisions(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Notes each decision that is really made."""
    made: list[object] = []
    decide = ResolveStep.decide

    def noted(step: ResolveStep, view: object) -> object:
        made.append(step)
        return decide(step, view)  # type: ignore[arg-type]

    monkeypatch.setattr(ResolveStep, "decide", noted)
    return made


def resolver_of(store: EmbeddedStore, *, inactive_days: int | None = None) -> Resolver:
    policy = Policy(
        "profile_conversion",
        (T.CUSTOMERID, T.EMAIL, T.IOS_IDFV),
        login=frozenset({T.CUSTOMERID}),
        unique=frozenset({T.CUSTOMERID}),
        inactive_days=inactive_days,
    )
    scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
    return Resolver(store, {GRAPH.scope: scope}, ManualClock())


def call(
    *identities: Identity, operation: Operation = Operation.IDENTIFY, previous_mpid: int | None = None
) -> ResolveRequest:
    return ResolveRequest(operation, GRAPH, {i.type: i for i in identities}, previous_mpid)


async def test_a_repeated_call_is_decided_once(store: EmbeddedStore, decisions: list[object]) -> None:
    """The first one creates, the second finds nothing to change, the others need not look."""
    resolver = resolver_of(store)
    answers = [await resolver.resolve(call(DEVICE, EMAIL)) for _ in range(5)]

    assert len({answer.mpid for answer in answers}) == 1
    assert answers[1:] == [answers[1]] * 4
    assert len(decisions) == 2


async def test_a_batch_remembers_too(store: EmbeddedStore, decisions: list[object]) -> None:
    answers = await resolver_of(store).resolve_all([call(DEVICE, EMAIL)] * 5)

    assert answers[1:] == [answers[1]] * 4
    assert len(decisions) == 2


@pytest.mark.parametrize("change", ["sign-up", "modify", "other holder returned", "erased"])
async def test_whatever_a_decision_rests_on_makes_it_new(
    store: EmbeddedStore, decisions: list[object], change: str
) -> None:
    resolver = resolver_of(store)
    before = await resolver.resolve(call(DEVICE))
    assert await resolver.resolve(call(DEVICE)) != before, "the first one created the profile"
    decided = len(decisions)

    if change == "sign-up":
        await resolver.resolve(call(DEVICE, CUSTOMER, operation=Operation.LOGIN))
        expected = None  # a known profile is not given to a device alone (ID-050)
    elif change == "modify":
        moved = IdentityChange(T.IOS_IDFV, DEVICE, OTHER)
        await resolver.modify(ModifyRequest(GRAPH, before.mpid, (moved,)))
        expected = None
    elif change == "other holder returned":
        newer = await resolver.resolve(call(OTHER))
        await resolver.modify(ModifyRequest(GRAPH, newer.mpid, (IdentityChange(T.IOS_IDFV, None, DEVICE),)))
        await resolver.resolve(call(OTHER))
        expected = newer.mpid
    else:
        await resolver.delete(GRAPH, before.mpid)
        expected = None

    after = await resolver.resolve(call(DEVICE))
    assert len(decisions) > decided
    assert isinstance(resolver._rounds, at_once.AtOnce)
    assert all(before.mpid != r.conditions.mpid for r in resolver._rounds._remembered.values()), (
        "what holds no longer is not kept"
    )
    if expected is None:
        assert after.mpid != before.mpid
    else:
        assert after.mpid == expected


@pytest.mark.parametrize(
    "other",
    [
        call(DEVICE, operation=Operation.LOGIN),
        call(DEVICE, EMAIL),
        call(DEVICE, previous_mpid=7),
        ResolveRequest(Operation.IDENTIFY, GRAPH, {DEVICE.type: DEVICE}, read_only=True),
        ResolveRequest(Operation.IDENTIFY, GRAPH._replace(scope="other"), {DEVICE.type: DEVICE}),
    ],
    ids=["operation", "identities", "previous", "read-only", "graph"],
)
async def test_another_call_is_another_decision(
    store: EmbeddedStore, decisions: list[object], other: ResolveRequest
) -> None:
    resolver = resolver_of(store)
    resolver._scopes = {**resolver._scopes, "other": resolver._scopes[GRAPH.scope]}
    for _ in range(2):
        await resolver.resolve(call(DEVICE))
    decided = len(decisions)

    await resolver.resolve(other)

    assert len(decisions) == decided + 1


async def test_a_refusal_is_raised_anew_each_time(store: EmbeddedStore, decisions: list[object]) -> None:
    """Each caller has his own: it notes attempts, and a shared one would drag every traceback along."""
    resolver = resolver_of(store)
    errors = []
    for _ in range(3):
        with pytest.raises(NotFoundError) as refusal:
            await resolver.resolve(call(DEVICE, operation=Operation.SEARCH))
        errors.append(refusal.value)

    assert len({id(error) for error in errors}) == 3
    assert not any(isinstance(error, LookupFailedError) for error in errors)
    assert len(decisions) == 1
    await resolver.resolve(call(DEVICE))
    found = await resolver.resolve(call(DEVICE, operation=Operation.SEARCH))
    assert isinstance(found, Resolution)


async def test_where_the_time_counts_nothing_is_remembered(
    store: EmbeddedStore, decisions: list[object]
) -> None:
    """With a retention a call may have to record activity although nothing else changed (ID-214)."""
    resolver = resolver_of(store, inactive_days=30)
    for _ in range(4):
        await resolver.resolve(call(DEVICE))

    assert len(decisions) == 4


async def test_erasure_leaves_no_remembered_value(store: EmbeddedStore) -> None:
    """ID-212: what is remembered names values."""
    resolver = resolver_of(store)
    for _ in range(2):
        answer = await resolver.resolve(call(DEVICE))
    assert isinstance(resolver._rounds, at_once.AtOnce)
    assert resolver._rounds._remembered

    await resolver.delete(GRAPH, answer.mpid)

    assert not resolver._rounds._remembered


async def test_erasure_forgets_also_when_nobody_waits_for_it(store: EmbeddedStore) -> None:
    resolver = resolver_of(store)
    for _ in range(2):
        answer = await resolver.resolve(call(DEVICE))
    assert isinstance(resolver._rounds, at_once.AtOnce)

    erasing = asyncio.create_task(resolver.delete(GRAPH, answer.mpid))
    await asyncio.sleep(0)
    erasing.cancel()
    await asyncio.wait([erasing])

    assert erasing.cancelled()
    assert not resolver._rounds._remembered


async def test_what_is_remembered_has_a_bound(
    store: EmbeddedStore, decisions: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_once, "MAX_REMEMBERED", 2)
    resolver = resolver_of(store)
    for value in "abc":
        for _ in range(2):
            await resolver.resolve(call(Identity(T.IOS_IDFV, value)))
    decided = len(decisions)

    await resolver.resolve(call(Identity(T.IOS_IDFV, "c")))
    assert len(decisions) == decided
    await resolver.resolve(call(Identity(T.IOS_IDFV, "a")))
    assert len(decisions) == decided + 1


async def test_what_is_remembered_anew_takes_no_other_answers_place(
    store: EmbeddedStore, decisions: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_once, "MAX_REMEMBERED", 2)
    resolver = resolver_of(store)
    for identity in (DEVICE, OTHER):
        for _ in range(2):
            await resolver.resolve(call(identity))
    await resolver.resolve(call(OTHER, EMAIL))
    await resolver.resolve(call(OTHER))
    decided = len(decisions)

    await resolver.resolve(call(DEVICE))

    assert len(decisions) == decided


async def test_what_wrote_something_is_not_remembered(store: EmbeddedStore) -> None:
    """Its changes would be made again."""
    resolver = resolver_of(store)
    await resolver.resolve(call(DEVICE))

    assert isinstance(resolver._rounds, at_once.AtOnce)
    assert not resolver._rounds._remembered


async def test_a_batch_goes_on_after_an_error(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call is refused, one could not look: each is told in its place."""
    resolver = resolver_of(store)
    read_views = store.read_views

    async def unreadable(wanted: Sequence[ViewRequest]) -> list[GraphView]:
        if OTHER in wanted[0].identities:
            raise UnavailableError("the store cannot be read")
        return await read_views(wanted)

    monkeypatch.setattr(store, "read_views", unreadable)
    answers = await resolver.resolve_all(
        [call(DEVICE, operation=Operation.SEARCH), call(OTHER), call(DEVICE)]
    )

    assert [type(answer) for answer in answers] == [NotFoundError, UnavailableError, Resolution]


async def test_a_store_that_others_write_to_is_noticed(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is to come between a look and its commit; an answer would not be true."""

    async def overtaken(_: object) -> list[Stale]:
        return [Stale()]

    monkeypatch.setattr(store, "apply", overtaken)

    with pytest.raises(ContentionError):
        await resolver_of(store).resolve(call(DEVICE))


async def test_an_answer_of_a_group_that_failed_is_not_given_again(store: EmbeddedStore) -> None:
    """What stands anew in the same places is not on disk yet: nobody is answered before it is."""
    resolver = resolver_of(store)
    await resolver.resolve(call(DEVICE))
    store._log._connection.execute("PRAGMA query_only = ON")
    void = await asyncio.gather(
        *(resolver.resolve(call(DEVICE, EMAIL)) for _ in range(2)), return_exceptions=True
    )
    assert [type(error) for error in void] == [UnavailableError] * 2
    assert void[0] is not void[1], "each caller notes its own attempts"
    assert isinstance(resolver._rounds, at_once.AtOnce)
    assert not resolver._rounds._remembered, "it would keep the void graph in memory"
    store._log._connection.execute("PRAGMA query_only = OFF")

    writing = asyncio.create_task(resolver.resolve(call(DEVICE, EMAIL)))
    repeating = asyncio.create_task(resolver.resolve(call(DEVICE, EMAIL)))

    done, _ = await asyncio.wait({writing, repeating}, return_when=asyncio.FIRST_COMPLETED)
    assert writing in done
    assert (await repeating).mpid == (await writing).mpid


async def test_a_disk_that_cannot_be_read_is_no_fault_of_ours(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether remembered conditions hold may have to be read; the caller may try again."""
    resolver = resolver_of(store)
    for _ in range(2):
        await resolver.resolve(call(DEVICE))

    def broken(_: object) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store._overlay, "holds", broken)

    with pytest.raises(UnavailableError):
        await resolver.resolve(call(DEVICE))
