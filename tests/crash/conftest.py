"""What tests with real processes on PostgreSQL share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.crash.postgres_server import PostgresServer, folder_of_server, own_postgres
from tests.postgres import new_postgres, postgres_server, postgres_url, postgres_worker_url

__all__ = ["new_postgres", "postgres_server", "postgres_url", "postgres_worker_url"]


@pytest.fixture
async def server_folder() -> AsyncIterator[Path]:
    """A folder for servers."""
    async with folder_of_server() as folder:
        yield folder


@pytest.fixture
async def own_server(server_folder: Path) -> AsyncIterator[PostgresServer]:
    """A server that nobody else uses."""
    async with own_postgres(server_folder) as server:
        yield server
