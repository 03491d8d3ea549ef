"""Writes share transactions, and none pays for another, or is made for somebody who has left."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from idsync.model.errors import UnavailableError
from idsync.pipeline.store import group_writer
from idsync.pipeline.store.group_writer import GroupWriter


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[GroupWriter]:
    connection = sqlite3.connect(tmp_path / "file.db", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE t (a INTEGER CHECK (a > 0))")
    writer = GroupWriter(connection)
    yield writer
    await writer.close()


def adding(number: int) -> Callable[[sqlite3.Connection], None]:
    def add(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (?)", (number,))

    return add


def found(connection: sqlite3.Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT a FROM t ORDER BY a")]


async def test_who_is_at_fault_fails_alone(writer: GroupWriter) -> None:
    """Three that go into one transaction, one of them with what the table refuses."""
    held = threading.Event()
    first = asyncio.create_task(writer.run(lambda _: held.wait()))
    rest = [asyncio.create_task(writer.run(adding(n))) for n in (1, -1, 2)]
    await asyncio.sleep(0)
    held.set()

    outcomes = await asyncio.gather(first, *rest, return_exceptions=True)

    assert [type(each) for each in outcomes] == [bool, type(None), UnavailableError, type(None)]
    assert await writer.run(found) == [1, 2]


async def test_who_has_stopped_waiting_is_not_served(
    writer: GroupWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody has begun when the time is up is not kept, as is said; what was begun may be."""
    held = threading.Event()
    monkeypatch.setattr(group_writer, "_WAIT_S", 0.05)
    taken = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(connection: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(taken.set)
        held.wait()
        adding(1)(connection)

    begun = asyncio.create_task(writer.run(slowly))
    await taken.wait()
    queued = asyncio.create_task(writer.run(adding(2)))

    with pytest.raises(UnavailableError, match="is not known"):
        await begun
    with pytest.raises(UnavailableError, match="were not kept"):
        await queued
    held.set()
    monkeypatch.setattr(group_writer, "_WAIT_S", 30.0)

    assert await writer.run(found) == [1]
