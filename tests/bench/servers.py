"""The servers under comparison, each a process of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

from tests.bench.target import Target

__all__ = [
    "CONFIGURATION",
    "ECHO",
    "ECHO_SHA256",
    "HTTP_ECHO",
    "HTTP_ECHO_SHA256",
    "KEY",
    "SECRET",
    "RefusedError",
    "Server",
    "echo_server",
    "http_echo_server",
    "service",
]

ECHO: Final = Path(__file__).with_name("echo_server.py")
ECHO_SHA256: Final = "acdab219741370a0ec1bd822517776e29f123771d1ac81b42483c4345b5acc19"
HTTP_ECHO: Final = Path(__file__).with_name("http_echo_server.py")
HTTP_ECHO_SHA256: Final = "894aa94f6ee37900db9a3aacfd2e27fc636930bce45bf74d99962aefd76c5cf0"
START_S: Final = 60.0
STOP_S: Final = 60.0
KEY, SECRET = "bench-key", "bench-secret"
CONFIGURATION: Final = f"""
[scopes.bench]
strategy = "default"

[workspaces.bench]
scope = "bench"

[[workspaces.bench.inputs]]
platform = "ios"
key = "{KEY}"
secret = "{SECRET}"
"""


class RefusedError(Exception):
    """A server did not start; the text is what it said."""


class Server:
    """A running server.

    Attributes:
        pid: Its process.
        addresses: Where it listens, HOST:PORT by protocol.
        started_in_s: How long it took until it said that it takes calls.
    """

    def __init__(self, process: Process, addresses: Mapping[str, str], started_in_s: float) -> None:
        self.pid = process.pid
        self.addresses = addresses
        self.started_in_s = started_in_s
        self.authorization: str | None = None

    def target(self, method: str) -> Target:
        """Say where calls of one method of IdentityService go."""
        host, _, port = self.addresses["grpc"].rpartition(":")
        return Target(host, int(port), f"/idsync.v1.IdentityService/{method}", self.authorization)

    def http_target(self) -> Target:
        """Say where an identify over HTTP goes."""
        host, _, port = self.addresses["http"].rpartition(":")
        return Target(host, int(port), "/v1/identify", self.authorization, is_http=True)


@contextlib.asynccontextmanager
async def echo_server(folder: Path) -> AsyncIterator[Server]:
    """Run the yardstick, after checking that it is the frozen one."""
    async with _yardstick("echo", ECHO, ECHO_SHA256, folder) as server:
        yield server


@contextlib.asynccontextmanager
async def http_echo_server(folder: Path) -> AsyncIterator[Server]:
    """Run the yardstick for HTTP, after checking that it is the frozen one."""
    async with _yardstick("http-echo", HTTP_ECHO, HTTP_ECHO_SHA256, folder) as server:
        yield server


@contextlib.asynccontextmanager
async def _yardstick(name: str, program: Path, sha256: str, folder: Path) -> AsyncIterator[Server]:
    _require_frozen(program, sha256)
    async with _running(name, [str(program)], folder, {}, START_S) as server:
        yield server


def _require_frozen(program: Path, sha256: str) -> None:
    if hashlib.sha256(program.read_bytes()).hexdigest() != sha256:
        sys.exit(f"{program.name} is not the frozen yardstick: ratios to it would mean something else")


@contextlib.asynccontextmanager
async def service(
    folder: Path,
    name: str = "service",
    *,
    database: str | None = None,
    flags: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    start_s: float = START_S,
) -> AsyncIterator[Server]:
    """Run our service: durable, with credentials, all else as by default unless `flags` say otherwise.

    Args:
        folder: Where configuration and log go, and the embedded store if `database` is not given.
        name: Names the files, where one folder is for several services.
        database: URL of another database; it is handed over in the environment, as it may hold a password.
        flags: More flags of `idsync serve`.
        environment: More variables.
        start_s: How long it may take to start.

    Raises:
        RefusedError: It did not start.
    """
    configuration = folder / "bench.toml"
    configuration.write_text(CONFIGURATION)
    if database is None:
        database = f"sqlite:///{folder / name / 'graph.db'}"
        (folder / name).mkdir(exist_ok=True)
    command = ["-m", "idsync", "serve", "--config", str(configuration), "--log-level", "warning"]
    command += ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", *flags]
    variables = {**(environment or {}), "IDSYNC_DATABASE": database}
    async with _running(name, command, folder, variables, start_s) as server:
        server.authorization = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        yield server


@contextlib.asynccontextmanager
async def _running(
    name: str, arguments: list[str], folder: Path, variables: Mapping[str, str], start_s: float
) -> AsyncIterator[Server]:
    """Start a Python program, wait for its line "ready NAME=HOST:PORT ...", and stop it at the end."""
    log = folder / f"{name}.log"
    root = str(Path(__file__).parents[2])
    begun = perf_counter()
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": root, **variables},
            stdout=PIPE,
            stderr=errors,
        )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), start_s)
        word, *addresses = line.decode().split() or [""]
        if word != "ready":
            # a terminal's frames and lines say nothing here
            said = " ".join(re.sub(r"[^\x20-\x7e]+", " ", log.read_text()[-500:]).split())
            raise RefusedError(f"the {name} did not start: {said}")
        started_in_s = perf_counter() - begun
        yield Server(process, dict(address.split("=", 1) for address in addresses), started_in_s)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
