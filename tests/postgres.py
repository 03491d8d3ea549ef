"""Fixtures for tests on PostgreSQL; a conftest that needs them imports them.

Where there is none the tests are skipped and say so, and under CI=true they fail.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import asyncpg
import pytest

from idsync.store.postgres.address import read_address
from idsync.store.postgres.schema import require_current
from idsync.store.sql.tables import metadata
from tests.postgres_cluster import Missing, shared_cluster

__all__ = ["emptied", "new_postgres", "postgres_server", "postgres_url", "postgres_worker_url"]

_EMPTY = "; ".join(f"DELETE FROM {name}" for name in metadata.tables if name != "fold_position")
_ALONE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a server, without the name of a database."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    try:
        with shared_cluster(shared) as url:
            yield url
    except Missing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def new_postgres(postgres_server: str) -> Iterator[Callable[[], str]]:
    """Make databases without anything in them; give their URLs."""
    made: list[str] = []

    async def in_server(statement: str) -> None:
        connection = await asyncpg.connect(f"{postgres_server}/postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def make() -> str:
        name = f"idsync_{uuid4().hex}"
        asyncio.run(in_server(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
        made.append(name)
        return f"{postgres_server}/{name}"

    yield make
    for name in made:
        asyncio.run(in_server(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def postgres_worker_url(new_postgres: Callable[[], str]) -> str:
    """Make a database with its schema once: to make one for each test takes longer than to run the test."""
    url = new_postgres()
    asyncio.run(require_current(read_address(url)))
    return url


@pytest.fixture
def postgres_url(postgres_worker_url: str) -> str:
    """Give a database of this version in which nothing is."""

    asyncio.run(emptied(postgres_worker_url))
    return postgres_worker_url


async def emptied(url: str) -> None:
    """Take everything out of a database, and whoever is still connected to it."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_ALONE)
        await connection.execute(_EMPTY)
    finally:
        await connection.close()
