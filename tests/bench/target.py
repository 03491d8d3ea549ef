"""Where calls go, and what a connection there can do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from tests.bench.http1 import HttpConnection
from tests.bench.http2 import Answered, UnaryConnection

__all__ = ["Connection", "Target"]


class Connection(Protocol):
    """What both protocols have; `start` queues a call, `flush` sends, `answered` is told of the end."""

    lost: str | None

    @property
    def under_way(self) -> int:
        """Calls begun or queued, and not finished."""
        ...

    def start(self, message: bytes, begun: float) -> None:
        """Queue a call that began at `begun` (`perf_counter`)."""

    def flush(self) -> None:
        """Send what was queued."""

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True)
class Target:
    """Where the calls go: the server's address, the path, and the credentials if it wants any.

    Attributes:
        is_http: Plain HTTP/1.1, one call at a time on a connection, instead of gRPC.
    """

    host: str
    port: int
    path: str
    authorization: str | None = None
    is_http: bool = False

    async def connect(self, answered: Answered) -> Connection:
        """Open a connection."""
        authority = f"{self.host}:{self.port}"
        kind = HttpConnection if self.is_http else UnaryConnection

        def protocol() -> HttpConnection | UnaryConnection:
            return kind(self.path, authority, self.authorization, answered)

        _, connection = await asyncio.get_running_loop().create_connection(protocol, self.host, self.port)
        return connection
