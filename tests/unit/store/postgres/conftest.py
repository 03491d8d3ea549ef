"""Where PostgreSQL is, and stores on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from idsync.store.postgres.opening import open_store
from idsync.store.postgres.store import PostgresStore
from idsync.testing.clock import ManualClock
from tests.postgres import new_postgres, postgres_server, postgres_url, postgres_worker_url

__all__ = ["new_postgres", "postgres_server", "postgres_url", "postgres_worker_url"]


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """An empty store."""
    opened = await open_store(postgres_url, clock=ManualClock())
    yield opened
    await opened.close()


@pytest.fixture
async def other_store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """Another node on the same database."""
    opened = await open_store(postgres_url, clock=ManualClock())
    yield opened
    await opened.close()
