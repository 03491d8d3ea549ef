"""The sending half of the lean prototype: answers, cut to the peer's windows (RFC 9113 section 5.2).

Every answer to bytes that came in one read leaves in one write.
"""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import Final

from tests.bench.serving.lean_headers import Request

__all__ = ["FRAME_HEAD", "MAX_FRAME_BYTES", "WINDOW_BYTES", "Sender", "Stream", "frame"]

FRAME_HEAD: Final = Struct(">HBBBI")
MAX_FRAME_BYTES: Final = 16_384
WINDOW_BYTES: Final = 65_535
"""What a window is before anybody says otherwise."""
_DATA, _HEADERS = 0, 1
_END_STREAM, _END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Build a frame."""
    return FRAME_HEAD.pack(len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload


class Stream:
    """A call that is not answered yet; `credit` is what its window has beyond the initial one."""

    __slots__ = ("body", "credit", "request", "waiting")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.body = b""
        self.credit = 0
        self.waiting: tuple[bytes, bytes] | None = None


class Sender(asyncio.Protocol):
    """What one connection has to send.

    Attributes:
        streams: Calls that are not answered yet, by stream.
        out: Frames on their way to the socket.
        window: What the peer takes on the whole connection, in bytes.
        initial: What it takes on a new stream.
        answered: Calls answered so far.
    """

    def __init__(self) -> None:
        self.streams: dict[int, Stream] = {}
        self.out: list[bytes] = []
        self.window = self.initial = WINDOW_BYTES
        self.answered = 0
        self._will_flush = False
        self._transport: asyncio.Transport

    def pause_writing(self) -> None:
        """Read no more from a peer that does not read."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._transport.resume_reading()

    def respond(self, stream: int, headers: bytes, body: bytes, trailers: bytes) -> None:
        """Queue an answer; without a body, the headers end it."""
        begun = self.streams.get(stream)
        if begun is None:
            return
        if not body:
            self.out.append(frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, headers))
            self._ended(stream)
            return
        self.out.append(frame(_HEADERS, _END_HEADERS, stream, headers))
        begun.waiting = (body, trailers)
        self._send(stream, begun)

    def _send(self, stream: int, begun: Stream) -> None:
        assert begun.waiting is not None
        body, trailers = begun.waiting
        while body and (most := min(self.window, self.initial + begun.credit, MAX_FRAME_BYTES)) > 0:
            part, body = body[:most], body[most:]
            self.window -= len(part)
            begun.credit -= len(part)
            self.out.append(frame(_DATA, 0, stream, part))
        if body:
            begun.waiting = (body, trailers)
        else:
            self.out.append(frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, trailers))
            self._ended(stream)

    def _send_waiting(self) -> None:
        for stream, begun in list(self.streams.items()):
            if begun.waiting is not None:
                self._send(stream, begun)

    def _ended(self, stream: int) -> None:
        del self.streams[stream]
        self.answered += 1

    def flush_soon(self) -> None:
        """Send what was queued, together with what else this turn of the loop brings."""
        if not self._will_flush:
            self._will_flush = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Send what was queued, in one system call."""
        self._will_flush = False
        if self.out:
            self._transport.write(b"".join(self.out))
            self.out.clear()
