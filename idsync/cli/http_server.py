"""The HTTP server of the gateway, as part of a larger service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from idsync.cli.http_connection import limited_to
from idsync.config.configuration import Tls

__all__ = ["HttpServer"]

_GRACE_S: Final = 10
_LOOK_S: Final = 0.01


class HttpServer(uvicorn.Server):
    """Serves the gateway; leaves the signals to the service, which has more than HTTP to bring to an end."""

    def __init__(self, app: ASGIApp, tls: Tls | None, connections: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=limited_to(connections),
                ws="none",
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                # Nobody here asks where a request came from.
                proxy_headers=False,
                timeout_graceful_shutdown=_GRACE_S,
                ssl_certfile=None if tls is None else str(tls.certificate_file),
                ssl_keyfile=None if tls is None else str(tls.key_file),
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield

    async def has_started(self, running: asyncio.Task[None]) -> bool:
        """Return when it takes calls, or with `False` when it could not start."""
        while not self.started and not running.done():
            await asyncio.wait([running], timeout=_LOOK_S)
        return self.started
