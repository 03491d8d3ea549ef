"""Stores of events, each test on every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from idsync.pipeline.store.embedded import EmbeddedEventStore
from idsync.pipeline.store.postgres import PostgresEventStore
from idsync.pipeline.store.protocol import EventStore
from idsync.store.postgres.address import read_address
from tests.postgres import new_postgres, postgres_server

__all__ = ["Open", "new_postgres", "postgres_server"]

Open: TypeAlias = Callable[[], Awaitable[EventStore]]


@pytest.fixture
def database(new_postgres: Callable[[], str]) -> str:
    """Give an empty database; it is made outside the loop of the test."""
    return new_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "postgres":
        url: str = request.getfixturevalue("database")

        async def on_server() -> EventStore:
            return await PostgresEventStore.open(read_address(url).connect)

        return on_server

    async def on_file() -> EventStore:
        return EmbeddedEventStore.open(tmp_path / "events.db")

    return on_file


@pytest.fixture
async def store(open_store: Open) -> AsyncIterator[EventStore]:
    store = await open_store()
    yield store
    await store.close()
