"""What operators' tools ask: is the process alive, does the service answer, how does it fare."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

__all__ = ["Probes", "Show", "shown_of"]

Show = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Gives the metrics, and the name of their format, to somebody who accepts these formats."""


def shown_of(registry: CollectorRegistry) -> Show:
    """Show the metrics of this process."""

    async def show(accept: str) -> tuple[bytes, str]:
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    return show


class Probes:
    """Open to everybody: none of the answers says anything about a person or a key."""

    def __init__(self, ready: Callable[[], Awaitable[bool]], show: Show) -> None:
        """Build it.

        Args:
            ready: Asks whether the service can take calls.
            show: Gives the metrics.
        """
        self._ready = ready
        self._show = show

    async def healthz(self, _request: Request) -> Response:
        """Say that the process is alive."""
        return PlainTextResponse("alive\n")

    async def readyz(self, _request: Request) -> Response:
        """Say whether a call would be answered now."""
        if await self._ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("not ready\n", 503, {"Retry-After": "1"})

    async def metrics(self, request: Request) -> Response:
        """Show the metrics in the format the scraper understands."""
        page, content_type = await self._show(request.headers.get("accept", ""))
        return Response(page, headers={"Content-Type": content_type})
