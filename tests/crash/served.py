"""`idsync serve` as a process that can be killed, starved of disk, and started again."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from idsync.client import AsyncClient, RetryPolicy
from idsync.client.credentials import BasicCredentials
from idsync.client.grpc_transport import GrpcTransport
from tests.program import Addresses, addresses_of, serve_command

__all__ = ["CONFIGURATION", "ONCE", "PATIENT", "Served", "served"]

ONCE = RetryPolicy(attempts=1)
PATIENT = RetryPolicy()
"""What every client does that is not told otherwise."""
CONFIGURATION = """
[operator]
token = "op-token"

[scopes.shop]
strategy = "profile_conversion"
identity_priority = ["customerid", "email", "ios_idfv"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]

[workspaces.shop]
scope = "shop"
[[workspaces.shop.inputs]]
platform = "server"
key = "shop"
secret = "shop-secret"
may_read = true
"""


class Served:
    """A running service."""

    def __init__(self, process: Process, addresses: Addresses) -> None:
        self.process = process
        self.grpc, self.http = addresses

    def client(self, retry: RetryPolicy = ONCE) -> AsyncClient:
        """Give a client, by default one that tells of every failure instead of trying again."""
        credentials = BasicCredentials("shop", "shop-secret")
        return AsyncClient(GrpcTransport(self.grpc), credentials, retry=retry)

    async def kill(self) -> None:
        """End it at once, as the operating system would in need of memory."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    def make_room(self) -> None:
        """Let its files grow again."""
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, unlimited)

    async def stop(self) -> int:
        """Ask it to end; gives its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


@asynccontextmanager
async def served(
    folder: Path,
    *,
    database_url: str | None = None,
    largest_file_bytes: int | None = None,
    environment: Mapping[str, str] | None = None,
    limits: str = "",
) -> AsyncIterator[Served]:
    """Start the service on the database of a folder, or another one; it is killed if it runs at the end."""
    command = serve_command(folder, f"{CONFIGURATION}\n[limits]\n{limits}\n", database_url)
    process = await asyncio.create_subprocess_exec(
        *command, "--log-level", "error", stdout=PIPE, env={**os.environ, **(environment or {})}
    )
    try:
        assert process.stdout is not None
        addresses = addresses_of((await process.stdout.readline()).decode())
        if largest_file_bytes is not None:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest_file_bytes, resource.RLIM_INFINITY))
        yield Served(process, addresses)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        # the transport of the process closes its pipes when it is collected, too late for warnings as errors
        process._transport.close()  # type: ignore[attr-defined]
