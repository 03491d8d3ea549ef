"""Whatever was opened is closed in the end, also what the pools have lost sight of."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from idsync.model.errors import UnavailableError
from idsync.store.postgres.address import Connection, read_address
from idsync.store.postgres.connections import Connections
from idsync.store.postgres.database import Database
from idsync.store.postgres.schema import _connected

pytestmark = pytest.mark.postgres


class Door:
    """Connections are made behind it, and come through when it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Connection] = []
        self.arrived = asyncio.Event()
        self.open = asyncio.Event()
        self._connect = asyncpg.connect
        monkeypatch.setattr(asyncpg, "connect", self.connect)

    async def connect(self, *where: Any, **how: Any) -> Connection:
        connection = await self._connect(*where, **how)
        self.made.append(connection)
        self.arrived.set()
        await self.open.wait()
        return connection


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(monkeypatch)


async def lend(database: Database) -> None:
    async with database.connection():
        pass


async def test_one_that_arrives_after_the_end_is_let_go(postgres_url: str, door: Door) -> None:
    """Whoever asked for it is told that there is none."""
    connections = Connections(read_address(postgres_url))
    opening = asyncio.create_task(connections.open())
    await door.arrived.wait()

    connections.close()
    door.open.set()

    with pytest.raises(asyncpg.InterfaceError):
        await opening
    assert [connection.is_closed() for connection in door.made] == [True]


async def test_a_call_that_still_connects_when_the_store_closes_leaves_nothing(
    postgres_url: str, door: Door
) -> None:
    database = Database(read_address(postgres_url))
    asking = asyncio.create_task(lend(database))
    await door.arrived.wait()

    await database.close()
    door.open.set()

    with pytest.raises(UnavailableError):
        await asking
    assert [connection.is_closed() for connection in door.made] == [True]


async def test_an_inspection_under_way_when_the_store_closes_leaves_nothing(
    postgres_url: str, door: Door
) -> None:
    """Its connection goes back to a pool that nobody closes any more."""
    door.open.set()
    database = Database(read_address(postgres_url))
    inspection = database.engine.connect()
    await inspection.start()
    await inspection.execute(text("SELECT 1"))

    await database.close()
    closed = [connection.is_closed() for connection in door.made]
    await inspection.invalidate()
    await inspection.close()

    assert closed == [True]


async def test_a_close_that_is_given_up_leaves_nothing(postgres_url: str, door: Door) -> None:
    """Those that wait for their next call are told good-bye one after the other, which may be interrupted."""
    door.open.set()
    database = Database(read_address(postgres_url))
    async with database.engine.connect() as inspection:
        await inspection.execute(text("SELECT 1"))
    await lend(database)
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])

    assert closing.cancelled()
    assert [connection.is_closed() for connection in door.made] == [True, True]


async def test_what_looks_at_a_schema_leaves_nothing(postgres_url: str, door: Door) -> None:
    """Also where it fails before it has put its connection back."""
    door.open.set()
    async with _connected(read_address(postgres_url)) as engine:
        look = engine.connect()
        await look.start()

    closed = [connection.is_closed() for connection in door.made]
    await look.invalidate()
    await look.close()
    assert closed == [True]


async def test_those_that_ended_are_not_kept(postgres_url: str) -> None:
    """A node makes many in its life."""
    connections = Connections(read_address(postgres_url))
    gracefully, at_once = await connections.open(), await connections.open()

    await gracefully.close()
    at_once.terminate()
    await asyncio.sleep(0)

    assert connections._open == set()
