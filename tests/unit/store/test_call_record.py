"""Calls are recorded where the fold writes, in the service or beside it, and name only what stands."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path

import orjson
import pytest

from idsync.model.errors import UnavailableError
from idsync.model.identity import Identity
from idsync.model.recording import RecordedCall, RecordedSpan
from idsync.store.embedded import call_tables, table_writer
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.store import EmbeddedStore
from idsync.testing.capability import OpenStore
from idsync.testing.clock import START_MS, ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, OTHER_DEVICE
from idsync.testing.store_checks.recording import RecordingChecks


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "graph.db"


@pytest.fixture
async def store(database: Path, clock: ManualClock) -> AsyncIterator[EmbeddedStore]:
    store = await open_store(f"sqlite:///{database}", clock=clock)
    yield store
    await store.close()


class TestInAProcess(RecordingChecks):
    """Everything that holds of recorded calls holds where a process writes them."""

    @pytest.fixture(autouse=True)
    def in_a_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(table_writer, "_WRITTEN_HERE", 0)

    @pytest.fixture
    def open_store(self, database: Path, clock: ManualClock) -> OpenStore:
        return lambda: open_store(f"sqlite:///{database}", clock=clock)

    @pytest.fixture
    def scribe(self, store: EmbeddedStore) -> Scribe:
        return Scribe(store)

    async def test_the_process_is_what_writes(self, store: EmbeddedStore, scribe: Scribe) -> None:
        mpid = await scribe.create(DEVICE)
        await store.calls.record_calls([(_call(mpid, DEVICE), 1)], START_MS)

        assert store._writer._process is not None
        assert store._writer._work is None


def _call(mpid: int, *identities: Identity, after_seq: int = 1) -> RecordedCall:
    return RecordedCall(GRAPH, after_seq, 0, "login", mpid, None, "a/rule", identities)


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def test_what_is_in_memory_is_looked_up_there(store: EmbeddedStore, database: Path) -> None:
    """Whether it is a birth that nobody asked for since, or has nodes."""
    scribe = Scribe(store)
    mpid = await scribe.create(DEVICE, CUSTOMER)
    await scribe.look(OTHER_DEVICE)
    ran: list[str] = []
    await store.settle()
    assert store._writer._work is not None
    store._writer._work._folder.tables.set_trace_callback(ran.append)

    await store.calls.record_calls([(_call(mpid, CUSTOMER, DEVICE), 2)], START_MS)
    await scribe.look(DEVICE)
    await store.calls.record_calls([(_call(mpid, CUSTOMER, DEVICE), 2)], START_MS)

    ids = {value: number for number, value in rows(database, "SELECT identity_id, value FROM identity")}
    expected = [ids[CUSTOMER.value.encode()], ids[DEVICE.value.encode()]]
    told = [
        orjson.loads(str(body)) for (body,) in rows(database, "SELECT CAST(body AS TEXT) FROM recorded_call")
    ]
    assert told == [expected, expected]
    assert not [statement for statement in ran if statement.startswith("WITH k")]


async def test_no_call_names_what_a_failed_disk_made_void(
    store: EmbeddedStore, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may go to somebody else: the value is recorded as one that the graph does not know."""
    scribe = Scribe(store)
    mpid = await scribe.create(DEVICE)

    def refuse(_: bytes) -> Future[int]:
        failed: Future[int] = Future()
        failed.set_exception(UnavailableError("the store cannot write"))
        return failed

    with monkeypatch.context() as full:
        full.setattr(store._log, "append", refuse)
        with pytest.raises(UnavailableError):
            await scribe.create(MAIL)
    await store.calls.record_calls([(_call(mpid, DEVICE, MAIL), 1)], START_MS)

    [(body,)] = rows(database, "SELECT CAST(body AS TEXT) FROM recorded_call")
    device, mail = orjson.loads(str(body))
    assert device > 0
    assert rows(database, f"SELECT value FROM recorded_value WHERE value_id = {-mail}") == [
        (MAIL.value.encode(),)
    ]


async def test_what_came_while_calls_were_about_to_be_written_is_no_id_yet(
    store: EmbeddedStore, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in memory, but its group may fail."""
    scribe = Scribe(store)
    mpid = await scribe.create(DEVICE)
    settle = store.calls._settle

    async def settle_and_go_on() -> None:
        await settle()
        await scribe.create(MAIL)

    monkeypatch.setattr(store.calls, "_settle", settle_and_go_on)
    await store.calls.record_calls([(_call(mpid, MAIL), 1)], START_MS)
    await store.settle()

    [(body,)] = rows(database, "SELECT CAST(body AS TEXT) FROM recorded_call")
    assert orjson.loads(str(body))[0] < 0


async def test_calls_while_the_disk_fails_are_not_recorded(
    store: EmbeddedStore, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They rest on entries that are void with it."""
    scribe = Scribe(store)
    mpid = await scribe.create(DEVICE)
    failing: Future[int] = Future()
    monkeypatch.setattr(store._log, "append", lambda _: failing)
    creating = asyncio.create_task(scribe.create(MAIL))
    await asyncio.sleep(0)

    recording = asyncio.create_task(store.calls.record_calls([(_call(mpid, DEVICE, MAIL), 1)], START_MS))
    await asyncio.sleep(0)
    failing.set_exception(UnavailableError("the store cannot write"))

    for task in (creating, recording):
        with pytest.raises(UnavailableError):
            await task
    assert rows(database, "SELECT * FROM recorded_call") == []


async def test_calls_alone_are_reason_enough_for_a_process(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few people, who come again and again: to write that in a thread takes the lock from every call."""
    monkeypatch.setattr(table_writer, "_WRITTEN_HERE", 4)
    mpid = await Scribe(store).create(DEVICE)
    calls = [(_call(mpid, DEVICE, after_seq=n), 1) for n in (1, 2)]

    await store.calls.record_calls(calls, START_MS)
    had_process = store._writer._process is not None
    await store.calls.record_calls(calls, START_MS)

    assert not had_process
    assert store._writer._process is not None


async def test_a_writer_that_was_killed_is_replaced(
    store: EmbeddedStore, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was told next is written by another one."""
    monkeypatch.setattr(table_writer, "_WRITTEN_HERE", 0)
    mpid = await Scribe(store).create(DEVICE)
    await store.calls.record_calls([(_call(mpid, DEVICE), 1)], START_MS)
    process = store._writer._process
    assert process is not None
    process.send_signal(signal.SIGKILL)
    await process.wait()

    await store.calls.record_calls([(_call(mpid, DEVICE), 2)], START_MS)

    assert store._writer._process not in {None, process}
    assert rows(database, "SELECT count FROM recorded_call ORDER BY call_id") == [(1,), (2,)]


async def test_whoever_gives_up_leaves_the_writer_in_order(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that nobody waits for any more must not be taken for that to the next question."""
    monkeypatch.setattr(table_writer, "_WRITTEN_HERE", 0)
    await Scribe(store).create(DEVICE)
    await store.settle()
    asked = asyncio.Event()
    ask = store._writer._ask

    async def note(process: asyncio.subprocess.Process, line: bytes) -> str:
        asked.set()
        return await ask(process, line)

    monkeypatch.setattr(store._writer, "_ask", note)
    given_up = asyncio.create_task(store._writer.write(b'["drop",1]', 1))
    await asked.wait()
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up

    position = store._folds._position

    assert position > 0
    assert await store._writer.write(b"%d" % position, 1) == position


async def test_tables_that_cannot_be_written_take_nothing(store: EmbeddedStore, database: Path) -> None:
    """All of a write or none of it; the store says so."""
    mpid = await Scribe(store).create(DEVICE)
    await store.settle()
    assert store._writer._work is not None
    store._writer._work._folder.tables.execute("PRAGMA query_only = ON")

    with pytest.raises(UnavailableError):
        await store.calls.record_calls([(_call(mpid, DEVICE, MAIL), 1)], START_MS)

    store._writer._work._folder.tables.execute("PRAGMA query_only = OFF")
    assert rows(database, "SELECT 1 FROM recorded_call UNION ALL SELECT 1 FROM recorded_value") == []


async def test_many_old_calls_are_removed_some_at_a_time(
    store: EmbeddedStore, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries are folded between two pieces; in the end all is gone, and the spans know."""
    monkeypatch.setattr(call_tables, "_DROPPED_AT_ONCE", 2)
    mpid = await Scribe(store).create(DEVICE)
    calls = [(_call(mpid, DEVICE, Identity(MAIL.type, f"{n}@b.c"), after_seq=n), 1) for n in range(5)]
    await store.calls.record_calls(calls, START_MS)
    await store.calls.record_span(RecordedSpan(GRAPH, 1, 0, 9, 0), START_MS)
    asked: list[bytes] = []
    write = store._writer.write

    async def note(line: bytes, count: int) -> int:
        asked.append(line)
        return await write(line, count)

    monkeypatch.setattr(store._writer, "write", note)

    await store.calls.drop_calls(START_MS + 1)

    assert len(asked) == 7
    assert rows(database, "SELECT 1 FROM recorded_call UNION ALL SELECT 1 FROM recorded_value") == []
    assert rows(database, "SELECT from_seq, to_seq FROM recorded_span") == [(4, 9)]
