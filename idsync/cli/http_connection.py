"""One HTTP connection: there are only so many, and each request must be here in time.

The server beneath counts connections too, but answers what is too much without a delay, which clients take
for two hours (ID-234); and it waits for ever for the rest of a request.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["REQUEST_S", "HttpConnection", "limited_to"]

REQUEST_S: Final = 30.0
"""From the first byte, or from connecting, a request has so many seconds to arrive whole."""
_TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class HttpConnection(HttpToolsProtocol):
    """A connection that is refused if there are too many, and closed if its sender is too slow."""

    most: ClassVar[int] = 1_000
    request_s: ClassVar[float] = REQUEST_S
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it with a delay."""
        if len(self.connections) >= self.most:
            self.transport = transport
            transport.write(_TOO_MANY)
            transport.close()
            return
        super().connection_made(transport)
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Read on; what comes after a refusal is of no interest."""
        if not self.transport.is_closing():
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        self._request_is_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        super().on_message_begin()
        if self._limit is None:
            self._expect_request()

    def on_message_complete(self) -> None:
        """Have read a request."""
        self._request_is_here()
        super().on_message_complete()

    def _expect_request(self) -> None:
        self._limit = self.loop.call_later(self.request_s, self.transport.abort)

    def _request_is_here(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def limited_to(connections: int) -> type[HttpConnection]:
    """Give the protocol of a server that has so many connections at most."""
    return type("LimitedHttpConnection", (HttpConnection,), {"most": connections})
