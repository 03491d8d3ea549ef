"""The frames of the lean prototype: HTTP/2 of a server, as far as unary calls need it (RFC 9113).

Every answer to bytes that came in one read leaves in one write. A peer that breaks the rules or a limit gets
GOAWAY; a peer that does not read is not read from.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from struct import Struct
from typing import Final, cast

from tests.bench.serving.lean_headers import MAX_HEADER_BYTES, BlockError, Reader, Request

__all__ = ["Frames"]

MAX_STREAMS: Final = 256
MAX_BUFFERED_BYTES: Final = 16 * 1024 * 1024
"""Of requests of one connection that are not whole yet."""
MAX_CONTINUATIONS: Final = 128
FREE_RESETS: Final = 200
"""Streams that a peer may reset; more only as long as it lets as many be answered."""

_HEAD: Final = Struct(">HBBBI")
_SETTING: Final = Struct(">HI")
_HEAD_BYTES, _MAX_FRAME, _WINDOW, _WINDOW_MAX = 9, 16_384, 65_535, 2**31 - 1
_DATA, _HEADERS, _PRIORITY, _RESET, _SETTINGS, _PING, _GOAWAY, _UPDATE, _CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITISED = 1, 1, 4, 8, 0x20
_PROTOCOL, _FLOW, _STREAM_CLOSED, _SIZE, _REFUSED, _COMPRESSION, _CALM = 1, 3, 5, 6, 7, 9, 11
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_LENGTHS: Final = {_PRIORITY: 5, _RESET: 4, _PING: 8, _UPDATE: 4}


class _ViolationError(Exception):
    """The connection has to end; the argument is the code."""


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload


class _Stream:
    __slots__ = ("body", "credit", "request", "waiting")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.body = b""
        self.credit = 0
        self.waiting: tuple[bytes, bytes] | None = None


class Frames(asyncio.Protocol):
    """One connection; a subclass answers calls."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body = max_body_bytes
        self._streams: dict[int, _Stream] = {}
        self._reader = Reader()
        self._rest, self._out = b"", list[bytes]()
        self._preface_came = self._is_over = self._will_flush = False
        self._block: tuple[int, int, bytes, int] | None = None
        self._last = self._received = self._buffered = self._resets = self._answered = 0
        self._window = self._initial = _WINDOW
        self._transport: asyncio.Transport

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
        grow = (MAX_BUFFERED_BYTES - _WINDOW).to_bytes(4, "big")
        self._transport.write(_frame(_SETTINGS, 0, 0, limits) + _frame(_UPDATE, 0, 0, grow))

    def pause_writing(self) -> None:
        """Read no more from a peer that does not read."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._transport.resume_reading()

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
        end = len(data)
        try:
            while end - at >= _HEAD_BYTES and not self._is_over:
                high, low, kind, flags, stream = _HEAD.unpack_from(data, at)
                after = at + _HEAD_BYTES + (high << 8 | low)
                if after - at > _HEAD_BYTES + _MAX_FRAME:
                    raise _ViolationError(_SIZE)
                if after > end:
                    break
                self._take(kind, flags, stream & _WINDOW_MAX, data[at + _HEAD_BYTES : after])
                at = after
        except (_ViolationError, BlockError) as error:
            code = _COMPRESSION if isinstance(error, BlockError) else error.args[0]
            self._out.append(_frame(_GOAWAY, 0, 0, self._last.to_bytes(4, "big") + code.to_bytes(4, "big")))
            self._is_over = True
        self._rest = data[at:]
        self._flush()
        if self._is_over:
            self._transport.close()

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
        elif _LENGTHS.get(kind, len(payload)) != len(payload) or (kind == _SETTINGS and len(payload) % 6):
            raise _ViolationError(_SIZE)
        elif kind == _UPDATE:
            self._take_update(stream, int.from_bytes(payload, "big") & _WINDOW_MAX)
        elif kind == _RESET:
            self._take_reset(stream)
        elif kind in {_SETTINGS, _PING}:
            if stream:
                raise _ViolationError(_PROTOCOL)
            if not flags & _ACK:
                self._take_settings(payload) if kind == _SETTINGS else None
                self._out.append(_frame(kind, _ACK, 0, b"" if kind == _SETTINGS else payload))

    def _take_block(self, flags: int, stream: int, block: bytes, first_flags: int, count: int) -> None:
        if not flags & _END_HEADERS:
            self._block = (stream, first_flags, block, count)
            return
        self._block = None
        request = self._reader.read(block)
        begun = self._streams.get(stream)
        if begun is None:
            if stream <= self._last:
                raise _ViolationError(_STREAM_CLOSED)
            self._last = stream
            if len(self._streams) >= MAX_STREAMS:
                self._out.append(_frame(_RESET, 0, stream, _REFUSED.to_bytes(4, "big")))
                self._count_reset()
                return
            begun = self._streams[stream] = _Stream(request)
        if first_flags & _END_STREAM:
            self._whole(stream, begun, begun.body)

    def _take_data(self, flags: int, stream: int, payload: bytes) -> None:
        self._received += len(payload)
        if self._received > _WINDOW // 2:
            self._out.append(_frame(_UPDATE, 0, 0, self._received.to_bytes(4, "big")))
            self._received = 0
        if flags & _PADDED:
            if not payload or payload[0] >= len(payload):
                raise _ViolationError(_PROTOCOL)
            payload = payload[1 : len(payload) - payload[0]]
        begun = self._streams.get(stream)
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

    def _whole(self, stream: int, begun: _Stream, message: bytes) -> None:
        begun.body = b""
        self.begin(stream, begun.request, message)

    def _take_reset(self, stream: int) -> None:
        if not stream or stream > self._last:
            raise _ViolationError(_PROTOCOL)
        begun = self._streams.pop(stream, None)
        if begun is not None:
            self._buffered -= len(begun.body)
            self.cancel(stream)
        self._count_reset()

    def _count_reset(self) -> None:
        self._resets += 1
        if self._resets > FREE_RESETS + self._answered:
            raise _ViolationError(_CALM)

    def _take_settings(self, payload: bytes) -> None:
        for name, value in _SETTING.iter_unpack(payload):
            if name == 4:
                if value > _WINDOW_MAX:
                    raise _ViolationError(_FLOW)
                self._initial = value
        self._send_waiting()

    def _take_update(self, stream: int, amount: int) -> None:
        begun = self._streams.get(stream)
        if not amount or (stream and begun is None and stream > self._last):
            raise _ViolationError(_PROTOCOL)
        if not stream:
            self._window += amount
        elif begun is not None:
            begun.credit += amount
        if self._window > _WINDOW_MAX or (begun is not None and begun.credit + self._initial > _WINDOW_MAX):
            raise _ViolationError(_FLOW)
        self._send_waiting()

    def respond(self, stream: int, headers: bytes, body: bytes, trailers: bytes) -> None:
        """Queue an answer; without a body, the headers end it."""
        begun = self._streams.get(stream)
        if begun is None:
            return
        if not body:
            self._out.append(_frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, headers))
            self._ended(stream)
            return
        self._out.append(_frame(_HEADERS, _END_HEADERS, stream, headers))
        begun.waiting = (body, trailers)
        self._send(stream, begun)

    def _send(self, stream: int, begun: _Stream) -> None:
        assert begun.waiting is not None
        body, trailers = begun.waiting
        while body and (most := min(self._window, self._initial + begun.credit, _MAX_FRAME)) > 0:
            part, body = body[:most], body[most:]
            self._window -= len(part)
            begun.credit -= len(part)
            self._out.append(_frame(_DATA, 0, stream, part))
        if body:
            begun.waiting = (body, trailers)
        else:
            self._out.append(_frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, trailers))
            self._ended(stream)

    def _send_waiting(self) -> None:
        for stream, begun in list(self._streams.items()):
            if begun.waiting is not None:
                self._send(stream, begun)

    def _ended(self, stream: int) -> None:
        del self._streams[stream]
        self._answered += 1

    def flush_soon(self) -> None:
        """Send what was queued, together with what else this turn of the loop brings."""
        if not self._will_flush:
            self._will_flush = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._will_flush = False
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()
