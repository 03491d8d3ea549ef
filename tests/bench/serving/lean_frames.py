"""The frames of the lean prototype: HTTP/2 of a server, as far as unary calls need it (RFC 9113).

A peer that breaks the rules or a limit gets GOAWAY; a peer that does not read is not read from.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from struct import Struct
from typing import Final, cast

from tests.bench.serving.lean_headers import MAX_HEADER_BYTES, BlockError, Reader, Request
from tests.bench.serving.lean_sending import FRAME_HEAD, MAX_FRAME_BYTES, WINDOW_BYTES, Sender, Stream, frame

__all__ = ["Frames"]

MAX_STREAMS: Final = 256
MAX_BUFFERED_BYTES: Final = 16 * 1024 * 1024
"""Of requests of one connection that are not whole yet."""
MAX_CONTINUATIONS: Final = 128
FREE_RESETS: Final = 200
"""Streams that a peer may reset; more only as long as it lets as many be answered."""
FREE_CONTROLS: Final = 1_000
"""Pings and settings that a peer may send; more only with twice as many answers."""

_SETTING: Final = Struct(">HI")
_HEAD_BYTES, _WINDOW_MAX = 9, 2**31 - 1
_DATA, _HEADERS, _PRIORITY, _RESET, _SETTINGS, _PING, _GOAWAY, _UPDATE, _CONTINUATION = (
    0,
    1,
    2,
    3,
    4,
    6,
    7,
    8,
    9,
)
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITISED = 1, 1, 4, 8, 0x20
_PROTOCOL, _FLOW, _STREAM_CLOSED, _SIZE, _REFUSED, _COMPRESSION, _CALM = 1, 3, 5, 6, 7, 9, 11
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_LENGTHS: Final = {_PRIORITY: 5, _RESET: 4, _PING: 8, _UPDATE: 4}


class _ViolationError(Exception):
    """The connection has to end; the argument is the code."""


class Frames(Sender):
    """One connection; a subclass answers calls."""

    def __init__(self, max_body_bytes: int) -> None:
        super().__init__()
        self._max_body = max_body_bytes
        self._reader = Reader()
        self._rest = b""
        self._preface_came = self._is_over = False
        self._block: tuple[int, int, bytes, int] | None = None
        self._last = self._received = self._buffered = self._resets = self._controls = 0

    @abstractmethod
    def begin(self, stream: int, request: Request, message: bytes) -> None:
        """Answer a call that came whole."""

    @abstractmethod
    def cancel(self, stream: int) -> None:
        """Stop answering a call."""

    @abstractmethod
    def too_large(self, stream: int) -> None:
        """Refuse a call whose message exceeds the limit."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say our limits."""
        self._transport = cast("asyncio.Transport", transport)
        limits = _SETTING.pack(3, MAX_STREAMS) + _SETTING.pack(4, self._max_body + 1)
        limits += _SETTING.pack(6, MAX_HEADER_BYTES)
        grow = (MAX_BUFFERED_BYTES - WINDOW_BYTES).to_bytes(4, "big")
        self._transport.write(frame(_SETTINGS, 0, 0, limits) + frame(_UPDATE, 0, 0, grow))

    def data_received(self, data: bytes) -> None:
        """Read whole frames and keep the rest."""
        data, at = self._rest + data, 0
        if not self._preface_came:
            if not data.startswith(_PREFACE[: len(data)]):
                self._transport.abort()
                return
            if len(data) < len(_PREFACE):
                self._rest = data
                return
            self._preface_came, at = True, len(_PREFACE)
        try:
            at = self._take_frames(data, at)
        except (_ViolationError, BlockError) as error:
            code = _COMPRESSION if isinstance(error, BlockError) else error.args[0]
            self.out.append(frame(_GOAWAY, 0, 0, self._last.to_bytes(4, "big") + code.to_bytes(4, "big")))
            self._is_over = True
        self._rest = data[at:]
        self.flush()
        if self._is_over:
            self._transport.close()

    def _take_frames(self, data: bytes, at: int) -> int:
        end = len(data)
        while end - at >= _HEAD_BYTES and not self._is_over:
            high, low, kind, flags, stream = FRAME_HEAD.unpack_from(data, at)
            after = at + _HEAD_BYTES + (high << 8 | low)
            if after - at > _HEAD_BYTES + MAX_FRAME_BYTES:
                raise _ViolationError(_SIZE)
            if after > end:
                break
            self._take(kind, flags, stream & _WINDOW_MAX, data[at + _HEAD_BYTES : after])
            at = after
        return at

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if (self._block is not None) != (kind == _CONTINUATION):
            raise _ViolationError(_PROTOCOL)
        if kind == _DATA:
            self._take_data(flags, stream, payload)
        elif kind == _HEADERS:
            if not stream & 1:
                raise _ViolationError(_PROTOCOL)
            if flags & _PADDED:
                if not payload or payload[0] >= len(payload):
                    raise _ViolationError(_PROTOCOL)
                payload = payload[1 : len(payload) - payload[0]]
            self._take_block(flags, stream, payload[5:] if flags & _PRIORITISED else payload, flags, 0)
        elif kind == _CONTINUATION and self._block is not None:
            begun, first_flags, block, count = self._block
            if stream != begun or count >= MAX_CONTINUATIONS or len(block) > MAX_HEADER_BYTES:
                raise _ViolationError(_PROTOCOL if stream != begun else _CALM)
            self._take_block(flags, stream, block + payload, first_flags, count + 1)
        else:
            self._take_rare(kind, flags, stream, payload)

    def _take_rare(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if _LENGTHS.get(kind, len(payload)) != len(payload) or (kind == _SETTINGS and len(payload) % 6):
            raise _ViolationError(_SIZE)
        if kind == _UPDATE:
            self._take_update(stream, int.from_bytes(payload, "big") & _WINDOW_MAX)
        elif kind == _RESET:
            self._take_reset(stream)
        elif kind in {_SETTINGS, _PING}:
            if stream:
                raise _ViolationError(_PROTOCOL)
            if not flags & _ACK:
                self._count_control()
                if kind == _SETTINGS:
                    self._take_settings(payload)
                self.out.append(frame(kind, _ACK, 0, b"" if kind == _SETTINGS else payload))

    def _take_block(self, flags: int, stream: int, block: bytes, first_flags: int, count: int) -> None:
        if not flags & _END_HEADERS:
            self._block = (stream, first_flags, block, count)
            return
        self._block = None
        request = self._reader.read(block)
        begun = self.streams.get(stream)
        if begun is None:
            if stream <= self._last:
                raise _ViolationError(_STREAM_CLOSED)
            self._last = stream
            if len(self.streams) >= MAX_STREAMS:
                self.out.append(frame(_RESET, 0, stream, _REFUSED.to_bytes(4, "big")))
                self._count_reset()
                return
            begun = self.streams[stream] = Stream(request)
        if first_flags & _END_STREAM:
            self._whole(stream, begun, begun.body)

    def _take_data(self, flags: int, stream: int, payload: bytes) -> None:
        self._received += len(payload)
        if self._received > WINDOW_BYTES // 2:
            self.out.append(frame(_UPDATE, 0, 0, self._received.to_bytes(4, "big")))
            self._received = 0
        if flags & _PADDED:
            if not payload or payload[0] >= len(payload):
                raise _ViolationError(_PROTOCOL)
            payload = payload[1 : len(payload) - payload[0]]
        begun = self.streams.get(stream)
        if begun is None:
            if not stream & 1 or stream > self._last:
                raise _ViolationError(_PROTOCOL)
        elif len(begun.body) + len(payload) > self._max_body:
            self._buffered -= len(begun.body)
            self.too_large(stream)
        elif flags & _END_STREAM:
            self._buffered -= len(begun.body)
            self._whole(stream, begun, begun.body + payload)
        else:
            begun.body += payload
            self._buffered += len(payload)
            if self._buffered > MAX_BUFFERED_BYTES:
                raise _ViolationError(_CALM)

    def _whole(self, stream: int, begun: Stream, message: bytes) -> None:
        begun.body = b""
        self.begin(stream, begun.request, message)

    def _take_reset(self, stream: int) -> None:
        if not stream or stream > self._last:
            raise _ViolationError(_PROTOCOL)
        begun = self.streams.pop(stream, None)
        if begun is not None:
            self._buffered -= len(begun.body)
            self.cancel(stream)
        self._count_reset()

    def _count_reset(self) -> None:
        self._resets += 1
        if self._resets > FREE_RESETS + self.answered:
            raise _ViolationError(_CALM)

    def _count_control(self) -> None:
        self._controls += 1
        if self._controls > FREE_CONTROLS + 2 * self.answered:
            raise _ViolationError(_CALM)

    def _take_settings(self, payload: bytes) -> None:
        for name, value in _SETTING.iter_unpack(payload):
            if name == 4:
                if value > _WINDOW_MAX:
                    raise _ViolationError(_FLOW)
                self.initial = value
        self._send_waiting()

    def _take_update(self, stream: int, amount: int) -> None:
        begun = self.streams.get(stream)
        if not amount or (stream and begun is None and stream > self._last):
            raise _ViolationError(_PROTOCOL)
        if not stream:
            self.window += amount
        elif begun is not None:
            begun.credit += amount
        if self.window > _WINDOW_MAX or (begun is not None and begun.credit + self.initial > _WINDOW_MAX):
            raise _ViolationError(_FLOW)
        self._send_waiting()
