"""A gRPC client for unary calls of one method, lean enough to load a server from one core.

Everything that repeats is encoded once: a call is one HEADERS and one DATA frame of prepared bytes. Of an
answer only frame headers are read; a call succeeded if a message came before the end of its stream, since a
gRPC server sends none with an error. Flow control, pings and settings are honoured, so that the server need
not know whom it talks to. RFC 9113 (HTTP/2), RFC 7541 (HPACK), and gRPC's PROTOCOL-HTTP2 document.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from struct import Struct
from time import perf_counter
from typing import Final, cast

__all__ = ["PREFIX_BYTES", "Answered", "UnaryConnection", "framed"]

PREFIX_BYTES: Final = 5
"""Length of what gRPC puts before a message."""

Answered = Callable[[float, float, bool], None]
"""Told of each finished call: when it began and ended (seconds, `perf_counter`), and if it succeeded."""

_FRAME: Final = Struct(">HBBBI")
_WORD: Final = Struct(">I")
_SETTING: Final = Struct(">HI")

_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW_SIZE, _MAX_FRAME_SIZE = 4, 5
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_WINDOW_MAX: Final = 2**31 - 1
_WINDOW_DEFAULT: Final = 65_535
_FRAME_HEAD: Final = 9


def framed(message: bytes) -> bytes:
    """Put gRPC's prefix (not compressed, length) before a serialised message."""
    return b"\0" + _WORD.pack(len(message)) + message


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _FRAME.pack(len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload


def _text(value: str) -> bytes:
    """Encode a header text as HPACK does without Huffman coding: a length in 7 bits or more, and ASCII."""
    data, length = value.encode("ascii"), len(value)
    if length < 127:
        return bytes([length]) + data
    return bytes([127, length - 127]) + data


def _header_blocks(path: str, authority: str, authorization: str | None) -> tuple[bytes, bytes]:
    """Encode the request headers for the first call, and for later ones, which find them in a table."""
    static = bytes([0x80 | 3, 0x80 | 6])  # ":method: POST" and ":scheme: http" of the static table
    named = [(4, path), (1, authority), (31, "application/grpc"), (58, "idsync-bench")]
    if authorization is not None:
        named.append((23, authorization))
    inserted = [bytes([0x40 | index]) + _text(value) for index, value in named]
    inserted.append(b"\x40" + _text("te") + _text("trailers"))
    # The dynamic table begins at 62, newest first.
    indexed = bytes(0x80 | (62 + age) for age in reversed(range(len(inserted))))
    return static + b"".join(inserted), static + indexed


class UnaryConnection(asyncio.Protocol):
    """One connection; `start` calls, `flush`, and be told of each end by `answered`.

    Attributes:
        open: Calls begun and not finished.
        messages: If a list is put here, answers are appended to it (framed, as received).
        lost: Why the connection is of no more use, else `None`.
    """

    def __init__(self, path: str, authority: str, authorization: str | None, answered: Answered) -> None:
        self.open: dict[int, float] = {}
        self.messages: list[bytes] | None = None
        self.lost: str | None = None
        self.answered = answered
        self._first, self._later = _header_blocks(path, authority, authorization)
        self._heads: dict[int, bytes] = {}
        self._with_message: set[int] = set()
        self._partial: dict[int, bytes] = {}
        self._rest = b""
        self._out: list[bytes] = []
        self._backlog: deque[tuple[bytes, float]] = deque()
        self._stream = 1
        self._window = _WINDOW_DEFAULT
        self._stream_window = _WINDOW_DEFAULT
        self._max_frame = 16_384
        self._consumed = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves, with windows so large that the server never waits for us."""
        self._transport = cast(asyncio.Transport, transport)  # what a stream protocol is given
        settings = _SETTING.pack(_INITIAL_WINDOW_SIZE, _WINDOW_MAX)
        grow = _WORD.pack(_WINDOW_MAX - _WINDOW_DEFAULT)
        self._transport.write(
            _PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, grow)
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is open."""
        self.lost = self.lost or f"connection closed: {exc}"
        self._fail_all()

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    @property
    def under_way(self) -> int:
        """Calls begun or queued, and not finished."""
        return len(self.open) + len(self._backlog)

    def start(self, message: bytes, begun: float) -> None:
        """Queue a call with a framed message; `flush` sends it, as soon as the server's window allows.

        Raises:
            ConnectionError: The connection was lost.
        """
        if self.lost is not None:
            raise ConnectionError(self.lost)
        if self._backlog or len(message) > self._window:
            self._backlog.append((message, begun))
        else:
            self._send(message, begun)

    def flush(self) -> None:
        """Send what was queued, in one system call."""
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def _send(self, message: bytes, begun: float) -> None:
        if len(message) > self._stream_window:
            self.lost = "a message is larger than the server's window of one stream"
            raise ConnectionError(self.lost)
        stream, self._stream = self._stream, self._stream + 2
        self.open[stream] = begun
        self._window -= len(message)
        block = self._first if stream == 1 else self._later
        self._out.append(_frame(_HEADERS, _END_HEADERS, stream, block))
        last = (len(message) - 1) // self._max_frame * self._max_frame
        for at in range(0, last, self._max_frame):
            self._out.append(_frame(_DATA, 0, stream, message[at : at + self._max_frame]))
        self._out.append(_frame(_DATA, _END_STREAM, stream, message[last:] if last else message))

    def data_received(self, data: bytes) -> None:
        """Read whole frames, and keep the rest for the next time."""
        if self._rest:
            data = self._rest + data
        now, at, end = perf_counter(), 0, len(data)
        while end - at >= _FRAME_HEAD:
            high, low, kind, flags, stream = _FRAME.unpack_from(data, at)
            begin = at + _FRAME_HEAD
            after = begin + (high << 8 | low)
            if after > end:
                break
            at = after
            if kind == _HEADERS:
                if flags & _END_STREAM:
                    self._finished(stream, now)
            elif kind == _DATA:
                self._consumed += after - begin
                self._with_message.add(stream)
                if self.messages is not None:
                    self._partial[stream] = self._partial.get(stream, b"") + data[begin:after]
            else:
                self._control(kind, flags, stream, data[begin:after], now)
        self._rest = data[at:]
        if self._consumed > _WINDOW_MAX // 2:
            self._out.append(_frame(_WINDOW_UPDATE, 0, 0, _WORD.pack(self._consumed)))
            self._consumed = 0
        self.flush()

    def _finished(self, stream: int, now: float) -> None:
        begun = self.open.pop(stream)
        succeeded = stream in self._with_message
        if succeeded:
            self._with_message.discard(stream)
            if self.messages is not None:
                self.messages.append(self._partial.pop(stream))
        self.answered(begun, now, succeeded)

    def _control(self, kind: int, flags: int, stream: int, payload: bytes, now: float) -> None:
        """Do what the frames ask for that are rare."""
        if kind == _WINDOW_UPDATE:
            if stream == 0:
                self._window += _WORD.unpack(payload)[0]
                self._send_backlog()
        elif kind == _PING and not flags & _ACK:
            self._out.append(_frame(_PING, _ACK, 0, payload))
        elif kind == _SETTINGS and not flags & _ACK:
            for name, value in _SETTING.iter_unpack(payload):
                if name == _INITIAL_WINDOW_SIZE:
                    self._stream_window = value
                elif name == _MAX_FRAME_SIZE:
                    self._max_frame = value
            self._out.append(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _RESET and stream in self.open:
            self._with_message.discard(stream)
            self._finished(stream, now)
        elif kind == _GOAWAY:
            self.lost = "the server said goodbye"
            self._fail_all()

    def _send_backlog(self) -> None:
        while self._backlog and len(self._backlog[0][0]) <= self._window:
            self._send(*self._backlog.popleft())

    def _fail_all(self) -> None:
        now = perf_counter()
        begun = [*self.open.values(), *(since for _, since in self._backlog)]
        self.open.clear()
        self._backlog.clear()
        for since in begun:
            self.answered(since, now, False)
