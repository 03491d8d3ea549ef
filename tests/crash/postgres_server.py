"""A PostgreSQL of one's own, which can be shut down, stopped, starved of disk and started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from tests.crash.held_ports import held_ports
from tests.postgres_cluster import server_programs, server_user

__all__ = ["PostgresServer", "Shutdown", "children_of", "folder_of_server", "own_postgres", "programs"]

DEADLINE_S: Final = 60.0
SMALL_SEGMENTS: Final = ("--wal-segsize=1",)
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    # what is tested is the end of processes; the operating system lives on
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_wal_size": "16MB",
    "min_wal_size": "4MB",
}


class Shutdown(Enum):
    """How a server is asked to end, by the signal."""

    FAST = signal.SIGINT
    IMMEDIATE = signal.SIGQUIT


def programs() -> Path:
    """Give the folder of PostgreSQL's programs; skips where there is none."""
    found = server_programs()
    if found is None:
        pytest.skip("no PostgreSQL: initdb is not installed")
    return found


@asynccontextmanager
async def folder_of_server() -> AsyncIterator[Path]:
    """Make a folder that the user may enter as whom a server runs: below `tmp_path` it may not."""
    folder = Path(tempfile.mkdtemp(prefix="idsync-crash-"))
    owner = server_user()
    if owner:
        shutil.chown(folder, owner["user"], owner["group"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class PostgresServer:
    """One server.

    Args:
        folder: Of the user as whom it runs; may be small.
        port: Where it listens.
        wal: A folder elsewhere for what it writes ahead.
    """

    def __init__(self, folder: Path, port: int, wal: Path | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.host = f"127.0.0.1:{port}"
        self._port = port
        self._wal = wal
        self._programs = programs()
        self._owner: dict[str, Any] = server_user()
        self._process: Process | None = None

    def url(self, database: str) -> str:
        """Say where a database of it is."""
        return f"postgresql://postgres@{self.host}/{database}"

    def create(self) -> None:
        """Make the cluster."""
        elsewhere = [] if self._wal is None else [f"--waldir={self._wal}"]
        options = [
            "-A",
            "trust",
            "-U",
            "postgres",
            "-N",
            "-E",
            "UTF8",
            "--locale=C",
            *SMALL_SEGMENTS,
            *elsewhere,
        ]
        command = [str(self._programs / "initdb"), "-D", str(self.data), *options]
        subprocess.run(command, check=True, timeout=DEADLINE_S, stdout=DEVNULL, cwd="/", **self._owner)

    async def start(self) -> None:
        """Start it, and wait until it takes writes."""
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        self._process = await asyncio.create_subprocess_exec(
            *(str(self._programs / "postgres"), "-D", str(self.data), "-k", str(self.folder)),
            *(f"-p{self._port}", *settings),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            cwd=self.folder,
            **self._owner,
        )
        async with asyncio.timeout(DEADLINE_S):
            while not await self._answers():  # noqa: ASYNC110 - it does not announce it
                await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        assert self.is_running, "the server did not start"
        try:
            await self.execute("SELECT")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.returncode is None

    async def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements."""
        connection = await asyncpg.connect(self.url(database), timeout=DEADLINE_S)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def shut_down(self, how: Shutdown) -> None:
        """Ask it to end, and wait for it."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.send_signal(how.value)
        await self.ended()

    async def ended(self) -> None:
        """Wait for its end."""
        assert self._process is not None
        async with asyncio.timeout(DEADLINE_S):
            await self._process.wait()
        self._process._transport.close()  # type: ignore[attr-defined]

    def freeze(self) -> None:
        """Stop all its processes."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        # itself first: it starts no others meanwhile
        for process in (self._process.pid, *children_of(self._process.pid)):
            os.kill(process, number)


def children_of(process: int) -> list[int]:
    """List the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@asynccontextmanager
async def own_postgres(folder: Path, wal: Path | None = None) -> AsyncIterator[PostgresServer]:
    """Start a server in a folder, with a database `idsync`; it is ended with all that it started."""
    with held_ports(1) as [port]:
        server = PostgresServer(folder, port, wal)
        server.create()
        try:
            await server.start()
            await server.execute("CREATE DATABASE idsync")
            yield server
        finally:
            if server.is_running:
                server.thaw()
            await server.shut_down(Shutdown.IMMEDIATE)
