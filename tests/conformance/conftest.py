"""What levels on SQLite share, and where PostgreSQL is."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from idsync.store.embedded.opening import open_store
from idsync.testing.clock import ManualClock
from tests.postgres import new_postgres, postgres_server, postgres_url, postgres_worker_url

__all__ = ["new_postgres", "postgres_server", "postgres_url", "postgres_worker_url"]


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with its schema once: to make one for each case takes longer than to run the case."""
    path = tmp_path_factory.mktemp("new") / "graph.db"

    async def make() -> None:
        store = await open_store(f"sqlite:///{path}", clock=ManualClock())
        await store.close()

    asyncio.run(make())
    return path


@pytest.fixture
def database_url(new_database: Path, tmp_path: Path) -> str:
    """Give a copy of the new database, as a URL."""
    copy = tmp_path / new_database.name
    shutil.copy(new_database, copy)
    return f"sqlite:///{copy}"
