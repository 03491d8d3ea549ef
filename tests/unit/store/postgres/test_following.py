"""Followers see every entry once and in the order of commits, whichever node wrote it (ID-251)."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, cast

import asyncpg
import pytest

from idsync.model.identity import Identity
from idsync.store.postgres import following, statements
from idsync.store.postgres.following import Bell
from idsync.store.postgres.opening import open_store
from idsync.store.postgres.store import PostgresStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, OTHER_DEVICE

pytestmark = pytest.mark.postgres

PATIENCE_S = 30.0
NEVER_S = 3_600.0


async def followed(
    store: PostgresStore, until: int, passed: tuple[int, asyncio.Event] | None = None
) -> list[int]:
    """Follow from the beginning up to a position, and give the positions seen.

    Once it has come to the position in `passed`, that event is set.
    """
    seen: list[int] = []
    changes = cast("Any", store.changes(Scribe(store).graph, 0))
    async with asyncio.timeout(PATIENCE_S), aclosing(changes):
        async for entry in changes:
            seen.append(entry.seq)
            if passed is not None and entry.seq >= passed[0]:
                passed[1].set()
            if entry.seq >= until:
                break
    return seen


@pytest.fixture
def listens(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set whenever a follower waits and can hear; nobody looks unasked for an hour."""
    monkeypatch.setattr(following, "LOOK_EVERY_S", NEVER_S)
    listens = asyncio.Event()
    waits = Bell.wait

    async def noted(bell: Bell, event: asyncio.Event) -> None:
        with pytest.MonkeyPatch.context() as once:
            once.setattr(following, "LOOK_EVERY_S", 0.0)
            await waits(bell, event)  # by now it listens
        listens.set()
        await waits(bell, event)

    monkeypatch.setattr(Bell, "wait", noted)
    return listens


@pytest.mark.parametrize("begins_with", [0, 2])
async def test_a_notice_wakes_followers_on_other_nodes(
    store: PostgresStore, other_store: PostgresStore, listens: asyncio.Event, begins_with: int
) -> None:
    """Also where the graph has no entry yet."""
    writer = Scribe(other_store)
    for _ in range(begins_with):
        await writer.create(DEVICE)

    follower = asyncio.create_task(followed(store, begins_with + 3))
    await listens.wait()
    for _ in range(3):
        listens.clear()
        await writer.create(DEVICE)
        if not follower.done():
            await asyncio.wait(
                [follower, asyncio.ensure_future(listens.wait())], return_when="FIRST_COMPLETED"
            )

    assert await follower == list(range(1, begins_with + 4))


async def test_a_lost_notice_is_made_up_for(
    store: PostgresStore, other_store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower looks by itself after a while."""

    async def unsent(bell: Bell) -> None:
        bell._due.clear()
        bell._sending = None

    monkeypatch.setattr(Bell, "_send", unsent)
    await Scribe(other_store).create(DEVICE)
    follower = asyncio.create_task(followed(store, 3))

    await Scribe(other_store).create(DEVICE)
    await Scribe(other_store).create(DEVICE)

    assert await follower == [1, 2, 3]


async def test_nobody_listens_when_nobody_follows(store: PostgresStore, listens: asyncio.Event) -> None:
    """The connection that hears notices is let go with the last follower."""
    await Scribe(store).create(DEVICE)
    changes = cast("Any", store.changes(Scribe(store).graph, 0))
    await anext(changes)
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.wait_for(listens.wait(), PATIENCE_S)
    listening = store._bell._connection is not None

    waiting.cancel()
    await asyncio.wait([waiting])
    await changes.aclose()

    assert listening
    assert store._bell._connection is None
    assert store._bell._listening == {}


class Slow(PostgresStore):
    """Waits before its commit until it may go on."""

    def __init__(self, like: PostgresStore) -> None:
        super().__init__(like._database, clock=ManualClock(), last_mpid=like._mint._last)
        self.begun = asyncio.Event()
        self.may_commit = asyncio.Event()

    async def _finish(self, *arguments: Any) -> None:
        self.begun.set()
        await self.may_commit.wait()
        await super()._finish(*arguments)


async def overlapping(slow: Slow, quick: PostgresStore, url: str) -> tuple[list[int], list[int]]:
    """Let one writer commit while one that began before it is open; gives what is there and what was seen."""
    await Scribe(quick).create(MAIL)
    begun = asyncio.create_task(_create(slow, DEVICE))
    await slow.begun.wait()
    passed = asyncio.Event()
    follower = asyncio.create_task(followed(quick, 4, (3, passed)))
    beside = asyncio.create_task(_create(quick, OTHER_DEVICE))
    await _until_waiting_or_done(beside, url)
    if beside.done():
        # what it wrote is there to be seen, before what was begun earlier
        await asyncio.wait_for(passed.wait(), PATIENCE_S)
    slow.may_commit.set()
    await asyncio.gather(begun, beside)
    await _create(quick, CUSTOMER)
    seen = await follower
    return [entry.seq for entry in await Scribe(quick).journal()], seen


async def _create(store: PostgresStore, identity: Identity) -> None:
    await Scribe(store).create(identity)


async def _until_waiting_or_done(task: asyncio.Task[None], url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not task.done():
                waiting = await connection.fetchval(
                    "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
                    "WHERE NOT l.granted AND a.datname = current_database()"
                )
                if waiting:
                    return
    finally:
        await connection.close()


async def test_a_follower_passes_over_no_writer_that_is_still_open(
    store: PostgresStore, postgres_url: str
) -> None:
    """Positions are given in the order of commits: the second writer waits for the first."""
    there, seen = await overlapping(Slow(store), store, postgres_url)

    assert there == [1, 2, 3, 4]
    assert seen == there


async def test_positions_from_a_sequence_are_found_out(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same test with a store that takes positions from a sequence: it would notice (SQL rule 5)."""
    admin = await asyncpg.connect(postgres_url)
    await admin.execute("CREATE SEQUENCE broken_seq MINVALUE 0; CREATE SEQUENCE broken_id INCREMENT 100")
    monkeypatch.setattr(
        statements,
        "HOLD_GRAPH",
        "SELECT nextval('broken_seq'), nextval('broken_id') FROM graph WHERE graph_id = $1",
    )
    with_counter = statements.WRITE.rpartition("UPDATE graph")[0]
    monkeypatch.setattr(
        statements, "WRITE", f"{with_counter} SELECT $2::bigint, $3::bigint FROM graph WHERE graph_id = $1"
    )
    store = await open_store(postgres_url, clock=ManualClock())
    try:
        there, seen = await overlapping(Slow(store), store, postgres_url)
    finally:
        await store.close()
        await admin.execute("DROP SEQUENCE broken_seq, broken_id")
        await admin.close()

    assert there == [1, 2, 3, 4]
    assert 2 not in seen
