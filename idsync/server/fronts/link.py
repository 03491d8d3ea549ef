"""One end of the socket between a front and the owner: frames in, and many frames out in one write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, cast

from idsync.server.fronts.frames import HEADER, Kind
from idsync.server.fronts.patience import Patience

__all__ = ["Link", "Take"]

Take = Callable[[int, bytes, int, int], None]
"""Takes a frame: the number of its call, and the bytes in which its own are, from here to there."""

_KINDS: Final = len(Kind)


class Link(asyncio.Protocol):
    """Reads and writes frames.

    Args:
        take: What to do with each kind that may come.
        most_bytes: The largest frame that may come; after a larger one, or one of no such kind, the
            connection is closed.
        patience: How long what goes out waits for more; `None`: until the end of the loop's turn.
    """

    def __init__(self, take: Mapping[Kind, Take], most_bytes: int, patience: Patience | None = None) -> None:
        self._take = [take.get(Kind(kind)) for kind in range(_KINDS)]
        self._most_bytes = most_bytes
        self._begun = bytearray()
        self._wanted = HEADER.size
        self._patience = patience
        self._out: list[bytes] = []
        self._frames = 0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, kind: Kind, number: int, *parts: bytes) -> None:
        """Send a frame, together with whatever else is sent in this turn of the loop or the next few."""
        if not self._out:
            self._loop.call_soon(self._wait, 0 if self._patience is None else self._patience.turns())
        self._frames += 1
        self._out.append(HEADER.pack(sum(map(len, parts)), kind, number))
        self._out += parts

    def _wait(self, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._wait, turns - 1)
        else:
            self._flush()

    def _flush(self) -> None:
        data = b"".join(self._out)
        self._out.clear()
        if self._patience is not None:
            self._patience.sent(self._frames)
        self._frames = 0
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Send what waits, and hang up."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take every frame that is complete."""
        if self._begun:
            self._begun += data
            if len(self._begun) < self._wanted:
                return
            data = bytes(self._begun)
            self._begun.clear()
        at, length = 0, len(data)
        self._wanted = HEADER.size
        while length - at >= HEADER.size:
            size, kind, number = HEADER.unpack_from(data, at)
            take = self._take[kind] if kind < _KINDS else None
            if take is None or size > self._most_bytes:
                self.close()
                return
            start = at + HEADER.size
            if size > length - start:
                self._wanted = HEADER.size + size
                break
            at = start + size
            take(number, data, start, at)
        if at < length:
            self._begun += data[at:]
