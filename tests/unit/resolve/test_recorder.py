"""What is counted of calls: each kind once, bounded, with its place; nothing of the erased remains."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from idsync.model.errors import IdsyncError, UnavailableError
from idsync.model.identity import Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.recording import HistoryCall, RecordedCall
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.preview.previewer import gaps_in
from idsync.resolve import recorder as recorder_module
from idsync.resolve.recorder import Recorder
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.embedded.opening import open_store
from idsync.store.memory import MemoryStore
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH

_T = IdentityType
LINK = Scope(
    Policy(
        "profile_link",
        (_T.CUSTOMERID, _T.EMAIL, _T.IOS_IDFV),
        login=frozenset({_T.CUSTOMERID, _T.EMAIL}),
        unique=frozenset({_T.CUSTOMERID, _T.EMAIL}),
    ),
    load_strategies(["profile_link"])["profile_link"],
)
DEVICE, OTHER_DEVICE = Identity(_T.IOS_IDFV, "device"), Identity(_T.IOS_IDFV, "other")
ANN, ANNS_MAIL = Identity(_T.CUSTOMERID, "ann"), Identity(_T.EMAIL, "ann@example.com")
MAIL_OF_NOBODY = Identity(_T.EMAIL, "nobody@example.com")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    """One that takes calls in rounds, and one that answers at once."""
    made: Store
    if request.param == "memory":
        made = MemoryStore(clock=clock)
    else:
        made = await open_store(f"sqlite:///{tmp_path / 'g.db'}", clock=clock)
    yield made
    await made.close()


@pytest.fixture
def recorder(store: Store, clock: ManualClock) -> Recorder:
    return Recorder(store, clock, 30)


@pytest.fixture
def resolver(store: Store, clock: ManualClock, recorder: Recorder) -> Resolver:
    return Resolver(store, {GRAPH.scope: LINK}, clock, recorder)


def request(operation: Operation, *identities: Identity, previous: int | None = None) -> ResolveRequest:
    return ResolveRequest(operation, GRAPH, {each.type: each for each in identities}, previous)


async def calls(store: Store) -> list[HistoryCall]:
    return [call async for page in store.history(GRAPH, await store.last_seq(GRAPH)) for call in page.calls]


async def values(store: Store) -> set[str]:
    """Every value that a reader of the history sees."""
    pages = [page async for page in store.history(GRAPH, await store.last_seq(GRAPH))]
    return {value for page in pages for _, _, value in page.identities if value is not None}


async def test_repeats_are_counted_not_stored(store: Store, resolver: Resolver, recorder: Recorder) -> None:
    """Before they are written there is nothing to read, and then one row with a number."""
    mpid = (await resolver.resolve(request(Operation.IDENTIFY, DEVICE))).mpid
    for _ in range(5):
        await resolver.resolve(request(Operation.IDENTIFY, DEVICE))

    assert await calls(store) == []
    await recorder.write()
    (call,) = await calls(store)
    assert (call.mpid, call.times, call.after_seq, call.seq) == (mpid, 5, 1, 0)
    assert (call.operation, call.rule) == ("identify", "link/anonymous")
    assert recorder.recorded == 5


async def test_what_differs_is_counted_apart(store: Store, resolver: Resolver, recorder: Recorder) -> None:
    """By operation, by identities and by the MPID of the answer before."""
    mpid = (await resolver.resolve(request(Operation.IDENTIFY, DEVICE))).mpid
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE, previous=mpid))

    await recorder.write()

    assert sorted((call.named or 0, call.times) for call in await calls(store)) == [(0, 1), (mpid, 1)]


async def test_searches_are_not_recorded(store: Store, resolver: Resolver, recorder: Recorder) -> None:
    """Nor is what is read only: they change nothing with any settings."""
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    await resolver.resolve(request(Operation.SEARCH, DEVICE))
    reading = request(Operation.IDENTIFY, DEVICE)
    reading.read_only = True
    await resolver.resolve(reading)

    await recorder.write()

    assert await calls(store) == []


async def test_refusals_are_recorded(store: Store, resolver: Resolver, recorder: Recorder) -> None:
    """ID-082: with their reason, and with values that nobody has."""
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    for _ in range(2):
        with pytest.raises(IdsyncError):
            await resolver.resolve(request(Operation.LOGIN, OTHER_DEVICE))

    await recorder.write()

    (call,) = await calls(store)
    assert (call.mpid, call.times, call.rule) == (0, 2, "link/login-without-login-id")
    assert OTHER_DEVICE.value in await values(store)


async def test_what_an_entry_leaves_out_is_recorded(
    store: Store, resolver: Resolver, recorder: Recorder
) -> None:
    """ID-084: a login ID in a logout has no effect with these settings; with others it may have."""
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    await resolver.resolve(request(Operation.LOGOUT, DEVICE, MAIL_OF_NOBODY))

    await recorder.write()

    (call,) = await calls(store)
    assert (call.seq, call.after_seq, call.operation, call.times) == (2, 1, "logout", 1)
    assert MAIL_OF_NOBODY.value in await values(store)


async def test_a_modify_is_recorded_as_it_was_asked(
    store: Store, resolver: Resolver, recorder: Recorder
) -> None:
    """Its entry does not tell which value was to take the place of which; old ones may be stale (ID-155)."""
    mpid = (await resolver.resolve(request(Operation.LOGIN, ANN, DEVICE))).mpid
    stale = (IdentityChange(_T.EMAIL, MAIL_OF_NOBODY, ANNS_MAIL),)
    await resolver.modify(ModifyRequest(GRAPH, mpid, stale))
    await resolver.modify(ModifyRequest(GRAPH, mpid, stale))
    with pytest.raises(IdsyncError):
        await resolver.modify(ModifyRequest(GRAPH, 12_345, stale))

    await recorder.write()

    told = [(c.seq, c.mpid, c.named, c.rule) for c in await calls(store)]
    assert sorted(told) == [
        (0, 0, 12_345, "LOOKUP_ERROR"),
        (0, mpid, mpid, "modify/unchanged"),
        (2, mpid, mpid, "modify/changed"),
    ]
    assert MAIL_OF_NOBODY.value in await values(store)


async def test_too_many_kinds_are_counted_as_not_recorded(
    store: Store, resolver: Resolver, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out in silence; what was there already is counted on."""
    monkeypatch.setattr(recorder_module, "MAX_CALLS", 2)
    devices = [Identity(_T.IOS_IDFV, f"device {number}") for number in range(4)]
    for device in devices:
        await resolver.resolve(request(Operation.IDENTIFY, device))
    for device in (*devices, *devices):
        await resolver.resolve(request(Operation.IDENTIFY, device))

    await recorder.write()

    assert sorted(call.times for call in await calls(store)) == [2, 2]
    assert (recorder.recorded, recorder.not_recorded) == (4, 4)
    assert [span.not_recorded for span in await store.calls.recorded_spans(GRAPH)] == [4]


async def test_a_store_that_cannot_write_loses_the_interval_and_says_so(
    store: Store, resolver: Resolver, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> list[RecordedCall]:
        raise UnavailableError("away")

    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    with monkeypatch.context() as patched:
        patched.setattr(store.calls, "record_calls", fail)
        await recorder.write()
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))

    await recorder.write()

    assert [call.times for call in await calls(store)] == [1]
    assert (recorder.recorded, recorder.not_recorded) == (1, 1)


async def test_calls_go_on_while_counts_are_written(
    store: Store, resolver: Resolver, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop has its turn after some kinds each; what is counted meanwhile belongs to the next interval."""
    monkeypatch.setattr(recorder_module, "_SLICE", 2)
    devices = [Identity(_T.IOS_IDFV, f"device {number}") for number in range(12)]
    for device in (*devices, *devices):
        await resolver.resolve(request(Operation.IDENTIFY, device))
    writing = asyncio.create_task(recorder.write())
    turns = 0
    while not writing.done():
        turns += 1
        await asyncio.sleep(0)
        if turns == 2:
            await resolver.resolve(request(Operation.IDENTIFY, devices[0]))

    assert turns > 6
    assert recorder.recorded == 12
    await recorder.write()
    assert recorder.recorded == 13


async def test_erasure_leaves_no_recorded_value(store: Store, resolver: Resolver, recorder: Recorder) -> None:
    """ID-212: neither what was written nor what waits to be, of her calls and of others with her values."""
    ann = (await resolver.resolve(request(Operation.LOGIN, ANN, ANNS_MAIL, DEVICE))).mpid
    other = (await resolver.resolve(request(Operation.IDENTIFY, OTHER_DEVICE))).mpid
    stale = (IdentityChange(_T.EMAIL, MAIL_OF_NOBODY, ANNS_MAIL),)
    await resolver.modify(ModifyRequest(GRAPH, ann, stale))
    await recorder.write()
    await resolver.modify(ModifyRequest(GRAPH, other, (IdentityChange(_T.CUSTOMERID, ANN, None),)))
    await resolver.resolve(request(Operation.LOGIN, ANN, DEVICE))

    assert await resolver.delete(GRAPH, ann)
    await recorder.write()

    assert await values(store) == {OTHER_DEVICE.value}
    assert [call.times for call in await calls(store)] == [1, 1, 1]


async def test_old_calls_are_dropped(
    store: Store, resolver: Resolver, recorder: Recorder, clock: ManualClock
) -> None:
    """After the days that were set; the rest stays."""
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    await recorder.write()
    clock.advance(29 * 86_400_000)
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    await recorder.write()
    await recorder.drop_old()
    assert len(await calls(store)) == 2
    clock.advance(86_400_001)

    await recorder.drop_old()

    assert len(await calls(store)) == 1


async def test_it_tells_which_entries_it_recorded(
    store: Store, resolver: Resolver, recorder: Recorder, clock: ManualClock
) -> None:
    """Those of another process, or of a time without recording, are told apart."""
    unrecorded = Resolver(store, {GRAPH.scope: LINK}, clock)
    await unrecorded.resolve(request(Operation.IDENTIFY, DEVICE))
    await unrecorded.resolve(request(Operation.LOGIN, ANN))
    await resolver.resolve(request(Operation.IDENTIFY, OTHER_DEVICE))
    await recorder.write()
    await resolver.resolve(request(Operation.LOGIN, ANNS_MAIL))

    await recorder.write()

    assert [span[2:] for span in await store.calls.recorded_spans(GRAPH)] == [(2, 4, 0)]


async def test_a_kill_loses_the_last_interval_and_no_more(tmp_path: Path, clock: ManualClock) -> None:
    """What was written is there; what was not is a gap that the next process leaves open."""
    first = await open_store(f"sqlite:///{tmp_path / 'first' / 'g.db'}", clock=clock)
    recorder = Recorder(first, clock, 30)
    resolver = Resolver(first, {GRAPH.scope: LINK}, clock, recorder)
    for _ in range(3):
        await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    await recorder.write()
    for _ in range(2):
        await resolver.resolve(request(Operation.IDENTIFY, OTHER_DEVICE))
    # what is on disk at this moment is what a kill leaves
    shutil.copytree(tmp_path / "first", tmp_path / "second", ignore=shutil.ignore_patterns("*.lock"))
    await first.close()

    second = await open_store(f"sqlite:///{tmp_path / 'second' / 'g.db'}", clock=clock)
    recorder = Recorder(second, clock, 30)
    await Resolver(second, {GRAPH.scope: LINK}, clock, recorder).resolve(request(Operation.LOGIN, ANN))
    await recorder.write()
    told, spans = await calls(second), await second.calls.recorded_spans(GRAPH)
    last_seq = await second.last_seq(GRAPH)
    await second.close()

    assert last_seq == 3
    assert [(call.times, call.after_seq) for call in told] == [(2, 1)]
    assert [tuple(gap) for gap in gaps_in(spans, last_seq)] == [(2, 2)]


async def test_a_failed_disk_voids_what_rested_on_it(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that were not written have no record: their numbers go to others."""
    store = await open_store(f"sqlite:///{tmp_path / 'g.db'}", clock=clock)
    recorder = Recorder(store, clock, 30)
    resolver = Resolver(store, {GRAPH.scope: LINK}, clock, recorder)
    await resolver.resolve(request(Operation.IDENTIFY, DEVICE))
    with monkeypatch.context() as full:

        def refuse(_: bytes) -> Future[int]:
            failed: Future[int] = Future()
            failed.set_exception(UnavailableError("the store cannot write"))
            return failed

        full.setattr(store._log, "append", refuse)
        with pytest.raises(UnavailableError):
            await resolver.resolve(request(Operation.LOGOUT, DEVICE, MAIL_OF_NOBODY))
    await resolver.resolve(request(Operation.LOGIN, ANN))

    await recorder.write()

    told = await calls(store)
    await store.close()
    assert told == []
    assert recorder.not_recorded == 1
