"""A line to the database that can be cut at a chosen moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from urllib.parse import urlsplit

__all__ = ["Cut", "Line", "line_to"]


class Cut(Enum):
    """When the line is cut: what was said just before arrives, or does not."""

    BEFORE = "before"
    AFTER = "after"


class Line:
    """Carries bytes between a store and its database.

    Attributes:
        url: Where the store finds the database.
        is_down: Whether nobody gets through any more.
        cuts: How often the line was cut so far.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._cut: tuple[bytes, Cut, bool] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.is_down = False
        self.cuts = 0

    def cut_at(self, word: bytes, when: Cut, *, stay_down: bool = False) -> None:
        """Cut the line the next time that the store says a word."""
        self._cut = (word, when, stay_down)

    def cut_now(self) -> None:
        """Cut every connection there is."""
        for writer in self._writers:
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        if self.is_down:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, back}
        away = asyncio.create_task(self._to_database(reader, back, writer))
        try:
            while data := await there.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            away.cancel()
            await asyncio.wait([away])
            self._writers -= {writer, back}
            writer.transport.abort()
            back.transport.abort()

    async def _to_database(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65_536):
            if self._cut is not None and self._cut[0] in data:
                _, when, self.is_down = self._cut
                self._cut = None
                self.cuts += 1
                # whoever waits for an answer gets none
                writer.transport.abort()
                if when is Cut.AFTER:
                    back.write(data)
                    await back.drain()
                    back.write_eof()
                    await asyncio.Event().wait()
                break
            back.write(data)
            await back.drain()
        back.transport.abort()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    """Lay a line to the database of a URL."""
    line = Line(url)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    parts = urlsplit(url)
    line.url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
    try:
        yield line
    finally:
        server.close()
        line.cut_now()
        await server.wait_closed()
