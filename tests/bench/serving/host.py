"""The service as it is, in a process of its own, with its methods for a transport to put on the wire.

Embedded store, durable, with credentials, on uvloop, the garbage collector set as `idsync serve` sets it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, cast

import uvloop

from idsync.cli.garbage import keep_resident
from idsync.cli.log_output import log_to_stderr
from idsync.config import parse_configuration
from idsync.server.app import open_app
from idsync.server.method import Method

__all__ = ["KEY", "MAX_MESSAGE_BYTES", "SECRET", "Hosted", "Transport", "hosted", "main"]

KEY, SECRET = "bench-key", "bench-secret"
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
"""What our transport takes in one message."""
_CONFIGURATION: Final = f"""
[scopes.bench]
strategy = "default"

[workspaces.bench]
scope = "bench"

[[workspaces.bench.inputs]]
platform = "ios"
key = "{KEY}"
secret = "{SECRET}"
"""


class Hosted:
    """A running service.

    Attributes:
        methods: By path.
        grpc_address: Where its own grpc.aio server listens, HOST:PORT.
    """

    def __init__(self, methods: Mapping[str, Method], grpc_address: str) -> None:
        self.methods = methods
        self.grpc_address = grpc_address


Transport = Callable[[Hosted], AbstractAsyncContextManager[str]]
"""Puts the methods on the wire, and says where, HOST:PORT."""


@asynccontextmanager
async def hosted(folder: Path) -> AsyncIterator[Hosted]:
    """Run the service on a database in a folder."""
    log_to_stderr("warning")
    configuration = parse_configuration(_CONFIGURATION, base=folder)
    async with open_app(configuration, f"sqlite:///{folder / 'graph.db'}", "127.0.0.1:0") as app:
        keep_resident()
        yield Hosted(cast("Mapping[str, Method]", app.local_transport._methods), app.grpc_address)


def main(transport: Transport) -> None:
    """Serve in the folder that the command line names; says `ready grpc=HOST:PORT`, and stops at SIGTERM."""
    uvloop.run(_serve(Path(sys.argv[1]), transport))


async def _serve(folder: Path, transport: Transport) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with hosted(folder) as service, transport(service) as address:
        sys.stdout.write(f"ready grpc={address}\n")
        sys.stdout.flush()
        await stop.wait()
