"""The network between a browser and the service: it can be down, and it can lose one answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

__all__ = ["Wire", "wire_to"]

_PIECE_BYTES: Final = 65_536


class Wire:
    """Passes bytes on, both ways.

    Attributes:
        port: Where it listens; stays the same while services come and go behind it.
        target: The port of the service behind it; `None`: nobody is reached.
        losing: How many answers are still to be lost; with each its connection breaks.
        lost: How many were.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.target: int | None = target
        self.losing = 0
        self.lost = 0
        self._ends: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break every connection, and let nobody through until there is a target again."""
        self.target = None
        for end in self._ends:
            end.transport.abort()

    async def carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Carry one connection until one side closes it."""
        ways: list[asyncio.Task[None]] = []
        ends = [back]
        try:
            if self.target is not None:
                far, forth = await asyncio.open_connection("127.0.0.1", self.target)
                ends.append(forth)
                self._ends.update(ends)
                ways = [
                    asyncio.create_task(self._pass(near, forth, answers=False)),
                    asyncio.create_task(self._pass(far, back, answers=True)),
                ]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            # nobody listens behind it
            pass
        finally:
            for way in ways:
                way.cancel()
            self._ends.difference_update(ends)
            for end in ends:
                end.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while piece := await source.read(_PIECE_BYTES):
                if self.target is None:
                    return
                if answers and self.losing:
                    self.losing -= 1
                    self.lost += 1
                    return
                sink.write(piece)
                await sink.drain()


@asynccontextmanager
async def wire_to(target: int) -> AsyncIterator[Wire]:
    """Lay a wire to the service at a port."""
    wire = Wire(target)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
