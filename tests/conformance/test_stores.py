"""Every store passes the shipped suite."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from idsync.store.embedded.opening import DEFAULT_CACHE_IDENTITIES, open_store
from idsync.store.memory import MemoryStore
from idsync.store.postgres.opening import open_store as open_on_postgres
from idsync.store.protocol import Store
from idsync.store.sql.schema import create
from idsync.testing.store_suite import Capability, ManualClock, OpenStore, StoreSuite


class TestMemoryStore(StoreSuite):
    """The oracle."""

    lacks: ClassVar = {
        Capability.RESTART: "nothing is kept on disk",
        Capability.BOUNDED_READS: "it goes through all links, so that it is obviously right",
    }

    @pytest.fixture
    async def store(self, clock: ManualClock) -> AsyncIterator[Store]:
        store = MemoryStore(clock=clock)
        yield store
        await store.close()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the schema once: a copy is the same, and sooner there."""
    database = tmp_path_factory.mktemp("schema") / "graph.db"
    create(database)
    return database


class TestEmbeddedStore(StoreSuite):
    """SQLite, with the whole graph in memory."""

    cache_identities = DEFAULT_CACHE_IDENTITIES

    @pytest.fixture
    def open_store(self, clock: ManualClock, tmp_path: Path, empty_database: Path) -> OpenStore:
        database = shutil.copy(empty_database, tmp_path)
        url = f"sqlite:///{database}"
        return lambda: open_store(url, clock=clock, cache_identities=self.cache_identities)

    @pytest.fixture
    async def store(self, open_store: OpenStore) -> AsyncIterator[Store]:
        store = await open_store()
        yield store
        await store.close()


class TestEmbeddedStoreWithSmallCache(TestEmbeddedStore):
    """SQLite, with hardly anything in memory: what is not there is read again."""

    cache_identities = 4


@pytest.mark.postgres
class TestPostgresStore(StoreSuite):
    """PostgreSQL, asked in rounds."""

    @pytest.fixture
    def open_store(self, clock: ManualClock, postgres_url: str) -> OpenStore:
        return lambda: open_on_postgres(postgres_url, clock=clock)

    @pytest.fixture
    async def store(self, open_store: OpenStore) -> AsyncIterator[Store]:
        store = await open_store()
        yield store
        await store.close()
