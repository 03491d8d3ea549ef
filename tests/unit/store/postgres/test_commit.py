"""The counter row of a graph is its queue: whoever commits waits there, before he looks at anything."""

from __future__ import annotations

import asyncio

import pytest

from idsync.model.changes import Applied
from idsync.store.postgres import statements
from idsync.store.postgres.address import Connection, read_address
from idsync.store.postgres.store import PostgresStore
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL, OTHER_DEVICE

pytestmark = pytest.mark.postgres

PATIENCE_S = 30.0


async def waiting(connection: Connection) -> list[str]:
    """Wait until somebody waits for a lock; gives what he asked for."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await connection.fetch(
                "SELECT query FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if found:
                return [row[0] for row in found]


async def test_a_commit_waits_for_its_turn_before_it_looks(postgres_url: str, store: PostgresStore) -> None:
    """Not where it writes: what it compared until then would be what was, and the work in vain."""
    scribe = Scribe(store)
    await scribe.create(DEVICE)
    change_set = await scribe.prepare(0, *scribe.creation(OTHER_DEVICE))
    rival = await read_address(postgres_url).connect()
    watcher = await read_address(postgres_url).connect()
    try:
        async with rival.transaction():
            await rival.execute("SELECT FROM graph FOR NO KEY UPDATE")
            committing = asyncio.create_task(scribe.apply(change_set))
            asked = await waiting(watcher)
        [applied] = await committing
    finally:
        await rival.close()
        await watcher.close()

    assert asked == [statements.HOLD_GRAPH]
    assert isinstance(applied, Applied)
    assert applied.seq == 2


async def test_who_only_looks_waits_for_nobody(postgres_url: str, store: PostgresStore) -> None:
    """Calls that change nothing are answered while another node commits."""
    scribe = Scribe(store)
    mpid = await scribe.create(DEVICE, MAIL)
    rival = await read_address(postgres_url).connect()
    try:
        async with rival.transaction(), asyncio.timeout(PATIENCE_S):
            await rival.execute("SELECT FROM graph FOR NO KEY UPDATE")
            holders = await scribe.holders(DEVICE)
    finally:
        await rival.close()

    assert holders == [mpid]
