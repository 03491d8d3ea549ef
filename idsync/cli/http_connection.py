"""One HTTP connection: there are only so many, and a request must be here in time; its answer goes out whole.

The server beneath counts connections too, but answers what is too much without a delay, which clients take
for two hours (ID-234); it waits for ever for the rest of a request; it sends the head of an answer by
itself, which costs a second system call; and it takes the body of a request that offers another protocol for
the next request.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["REQUEST_S", "HttpConnection", "limited_to"]

REQUEST_S: Final = 30.0
"""From the first byte, or from connecting, a request has so many seconds to arrive whole."""
_FINAL: Final = (b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4", b"HTTP/1.1 5")
"""How the head of an answer begins that is more than a word in between."""
_TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\naccess-control-allow-origin: *\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
_OFFERS: Final = frozenset({b"upgrade", b"http2-settings"})
"""Headers, and words of the header `Connection`, that offer another protocol."""
_INVALID: Final = "Invalid HTTP request received."


class _Joining:
    """A transport that sends the head of an answer with the first piece of its body, as ASGI demands."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Send, or keep the head of a final answer for what comes next."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_FINAL):
            self._head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Send a head that no body follows."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def close(self) -> None:
        """Close when all is sent."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HttpConnection(HttpToolsProtocol):
    """A connection that is refused if there are too many, and closed if its sender is too slow."""

    most: ClassVar[int] = 1_000
    request_s: ClassVar[float] = REQUEST_S
    _limit: asyncio.TimerHandle | None = None
    _is_reading = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it with a delay."""
        if len(self.connections) >= self.most:
            self.transport = transport
            transport.write(_TOO_MANY)
            transport.close()
            return
        super().connection_made(transport)
        self._joining = self.transport = _Joining(transport)  # type: ignore[assignment]
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Read on; what comes after a refusal is of no interest."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        try:
            while data:
                data = self._read(data)
        except httptools.HttpParserError:
            self.logger.warning(_INVALID)
            self.send_400_response(_INVALID)
            return
        if self._is_reading and self._limit is None:
            # Most requests arrive in one piece and need no limit.
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        self._request_is_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        super().on_message_begin()
        self._is_reading = True

    def on_headers_complete(self) -> None:
        """Have read the head of a request, unless it is read again in a moment."""
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Have read a request."""
        if self.parser.should_upgrade():
            return
        self._is_reading = False
        self._request_is_here()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Have answered a request."""
        self._joining.flush()
        super().on_response_complete()

    def _read(self, data: bytes) -> bytes:
        """Read on; gives what is left to be read."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            # the parser has stopped behind the head, as if the body were the other protocol's
            self._decline()
            return data[offer.args[0] :]
        return b""

    def _decline(self) -> None:
        """Read the head once more as if it offered no other protocol, which is what HTTP asks of us.

        Raises:
            HttpParserError: It wants a tunnel, which cannot be declined so.
        """
        if self.parser.get_method() == b"CONNECT":
            raise httptools.HttpParserInvalidMethodError
        head = [
            b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        ]
        for name, value in self.headers:
            kept = _without_offers(value) if name == b"connection" else value
            if name not in _OFFERS and (kept or not value):
                head.append(b"%b: %b" % (name, kept))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(b"\r\n".join([*head, b"", b""]))

    def _expect_request(self) -> None:
        self._limit = self.loop.call_later(self.request_s, self.transport.abort)

    def _request_is_here(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def _without_offers(connection: bytes) -> bytes:
    words = [word.strip() for word in connection.split(b",")]
    return b", ".join(word for word in words if word.lower() not in _OFFERS)


def limited_to(connections: int) -> type[HttpConnection]:
    """Give the protocol of a server that has so many connections at most."""
    return type("LimitedHttpConnection", (HttpConnection,), {"most": connections})
