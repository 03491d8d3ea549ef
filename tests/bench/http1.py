"""An HTTP/1.1 client for posts to one path, lean enough to load a server from one core (RFC 9112).

A call is one prepared head and its body. Of an answer only the status and the length are read, so that it
must say its length, as every server of ours does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter
from typing import Final, cast

from tests.bench.http2 import Answered

__all__ = ["HttpConnection"]

_STATUS: Final = slice(9, 12)
_LENGTH: Final = b"content-length: "


class HttpConnection(asyncio.Protocol):
    """One connection that is kept; calls go out one after the other, whatever is queued.

    Attributes:
        lost: Why the connection is of no more use, else `None`.
        bodies: If a list is put here, the bodies of answers are appended to it.
    """

    def __init__(self, path: str, authority: str, authorization: str | None, answered: Answered) -> None:
        lines = [f"POST {path} HTTP/1.1", f"host: {authority}", "content-type: application/json"]
        if authorization is not None:
            lines.append(f"authorization: {authorization}")
        self.lost: str | None = None
        self.bodies: list[bytes] | None = None
        self.answered = answered
        self._head = "\r\n".join([*lines, "content-length: "]).encode("ascii")
        self._queue: deque[tuple[bytes, float]] = deque()
        self._begun: float | None = None
        self._received = b""
        self._transport: asyncio.Transport

    @property
    def under_way(self) -> int:
        """Calls begun or queued, and not finished."""
        return len(self._queue) + (self._begun is not None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what writes."""
        self._transport = cast(asyncio.Transport, transport)  # what a stream protocol is given

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is open."""
        self.lost = self.lost or f"connection closed: {exc}"
        begun = [] if self._begun is None else [self._begun]
        begun += [since for _, since in self._queue]
        self._begun = None
        self._queue.clear()
        now = perf_counter()
        for since in begun:
            self.answered(since, now, False)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def start(self, message: bytes, begun: float) -> None:
        """Queue a call with a body; it counts from `begun`, however long others keep it waiting.

        Raises:
            ConnectionError: The connection was lost.
        """
        if self.lost is not None:
            raise ConnectionError(self.lost)
        self._queue.append((message, begun))

    def flush(self) -> None:
        """Send the next call, if the one before it was answered."""
        if self._begun is None and self._queue:
            body, self._begun = self._queue.popleft()
            self._transport.write(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))

    def data_received(self, data: bytes) -> None:
        """Read the answer, once it is whole."""
        received = self._received + data if self._received else data
        self._received = received
        head_end = received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        at = received.find(_LENGTH, 0, head_end)
        begin = head_end + 4
        length = int(received[at + len(_LENGTH) : received.index(b"\r", at)]) if at >= 0 else 0
        if len(received) < begin + length:
            return
        self._received = received[begin + length :]
        begun, self._begun = self._begun, None
        assert begun is not None, "an answer that nobody asked for"
        if self.bodies is not None:
            self.bodies.append(received[begin : begin + length])
        self.answered(begun, perf_counter(), received[_STATUS] == b"200")
        self.flush()
