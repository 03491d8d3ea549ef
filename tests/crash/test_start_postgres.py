"""A PostgreSQL that cannot be had when the service starts: it ends in bounded time, and says why."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from idsync.store.postgres.address import CONNECT_TIMEOUT_S
from tests.crash.postgres_server import PostgresServer
from tests.crash.served import served
from tests.crash.test_start import refusal

PROGRAM_STARTS_S = 30.0
"""What Python may take on a busy machine, before and after."""


@pytest.fixture
def silent() -> socket.socket:
    """A server that lets everybody in and says nothing."""
    return socket.create_server(("127.0.0.1", 0))


async def test_a_server_that_cannot_be_reached(tmp_path: Path, nobody: str) -> None:
    """Whoever waits for the service must not wait for good, nor look for a traceback."""
    async with asyncio.timeout(PROGRAM_STARTS_S):
        said = await refusal(f"postgresql://u:secret@{nobody}/idsync", tmp_path)

    assert said == "idsync cannot start: the database cannot be used: it cannot be reached\n"


async def test_servers_that_say_nothing(tmp_path: Path, silent: socket.socket) -> None:
    """Each is given up after CONNECT_TIMEOUT_S."""
    host = f"127.0.0.1:{silent.getsockname()[1]}"
    with silent:
        async with asyncio.timeout(2 * CONNECT_TIMEOUT_S + PROGRAM_STARTS_S):
            said = await refusal(f"postgresql://u:secret@{host},{host}/idsync", tmp_path)

    assert said == "idsync cannot start: the database cannot be used: it did not answer in time\n"


@pytest.mark.postgres
@pytest.mark.parametrize("is_empty", [True, False])
async def test_a_server_that_only_reads(tmp_path: Path, own_server: PostgresServer, is_empty: bool) -> None:
    """Nothing is written there, not even where it could be read."""
    url = own_server.url("idsync")
    if not is_empty:
        async with served(tmp_path, database_url=url) as service:
            assert await service.stop() == 0
    await own_server.execute("ALTER DATABASE idsync SET default_transaction_read_only = on")

    said = await refusal(url, tmp_path)

    assert said == "idsync cannot start: the database cannot be used: none of its servers takes writes\n"


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("postgres@HOST/nothing", "there is no such database"),
        ("somebody@HOST/idsync", "it refuses our credentials"),
    ],
)
async def test_a_server_that_refuses(
    tmp_path: Path, own_server: PostgresServer, where: str, reason: str
) -> None:
    """The reason is named."""
    async with asyncio.timeout(PROGRAM_STARTS_S):
        said = await refusal(f"postgresql://{where.replace('HOST', own_server.host)}", tmp_path)

    assert said == f"idsync cannot start: the database cannot be used: {reason}\n"
