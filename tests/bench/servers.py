"""The two servers under comparison, each a process of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from tests.bench.load import Target

__all__ = ["ECHO", "ECHO_SHA256", "Server", "echo_server", "service"]

ECHO: Final = Path(__file__).with_name("echo_server.py")
ECHO_SHA256: Final = "acdab219741370a0ec1bd822517776e29f123771d1ac81b42483c4345b5acc19"
START_S: Final = 60.0
STOP_S: Final = 30.0
_KEY, _SECRET = "bench-key", "bench-secret"
_CONFIGURATION: Final = f"""
[scopes.bench]
strategy = "default"

[workspaces.bench]
scope = "bench"

[[workspaces.bench.inputs]]
platform = "ios"
key = "{_KEY}"
secret = "{_SECRET}"
"""


class Server:
    """A running server: its process, its address, and the credentials it wants."""

    def __init__(self, process: Process, address: str, authorization: str | None) -> None:
        self.pid = process.pid
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._authorization = authorization

    def target(self, method: str) -> Target:
        """Say where calls of one method of IdentityService go."""
        path = f"/idsync.v1.IdentityService/{method}"
        return Target(self._host, self._port, path, self._authorization)


@contextlib.asynccontextmanager
async def echo_server(folder: Path) -> AsyncIterator[Server]:
    """Run the yardstick, after checking that it is the frozen one."""
    if hashlib.sha256(ECHO.read_bytes()).hexdigest() != ECHO_SHA256:
        sys.exit(f"{ECHO.name} is not the frozen yardstick: ratios to it would not compare with earlier ones")
    async with _running("echo", [str(ECHO)], folder) as (process, addresses):
        yield Server(process, addresses["grpc"], None)


@contextlib.asynccontextmanager
async def service(folder: Path) -> AsyncIterator[Server]:
    """Run our service on a fresh embedded store: durable, with credentials, all else as by default."""
    configuration = folder / "bench.toml"
    configuration.write_text(_CONFIGURATION)
    database = f"sqlite:///{folder / 'store' / 'graph.db'}"
    (folder / "store").mkdir()
    flags = ("--config", str(configuration), "--database", database)
    addresses = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    async with _running("service", ["-m", "idsync", "serve", *flags, *addresses], folder) as (process, ready):
        basic = base64.b64encode(f"{_KEY}:{_SECRET}".encode()).decode()
        yield Server(process, ready["grpc"], f"Basic {basic}")


@contextlib.asynccontextmanager
async def _running(
    name: str, arguments: list[str], folder: Path
) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    """Start a Python program, wait for its line "ready NAME=HOST:PORT ...", and stop it at the end."""
    log = folder / f"{name}.log"
    root = str(Path(__file__).parents[2])
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": root},
            stdout=PIPE,
            stderr=errors,
        )
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), START_S)
            word, *addresses = line.decode().split() or [""]
            if word != "ready":
                sys.exit(f"the {name} did not start:\n{log.read_text()[-2000:]}")
            yield process, dict(address.split("=", 1) for address in addresses)
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), STOP_S)
                except TimeoutError:
                    process.kill()
                    await process.wait()
