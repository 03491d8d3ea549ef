"""How long streams end when the service stops: what was read is answered, nothing more is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Final, TypeVar

from idsync.model.errors import UnavailableError

__all__ = ["Drain"]

T = TypeVar("T")

_STOPPING: Final = "the service is stopping; try again elsewhere or later"


class Drain:
    """Tells streams that the service is about to stop."""

    def __init__(self) -> None:
        self._begun = False
        self._readers: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """End the reading of every stream, of those to come as well."""
        self._begun = True
        for reader in self._readers:
            reader.cancel()

    async def waiting(self, source: AsyncIterable[T], most: int) -> AsyncGenerator[list[T], None]:
        """Read ahead, and give what waits together, in order.

        Args:
            source: Read by a task of its own.
            most: How many items are read ahead, and given together.

        Raises:
            UnavailableError: The service is stopping; what was read before has been given.
            Exception: Whatever the source raises, likewise.
        """
        if self._begun:
            raise UnavailableError(_STOPPING)
        queue: asyncio.Queue[T | None] = asyncio.Queue()
        room = asyncio.Semaphore(most)
        reader = asyncio.create_task(_read(source, queue, room))
        reader.add_done_callback(lambda _: queue.put_nowait(None))
        self._readers.add(reader)
        try:
            ended = False
            while not ended:
                items = [await queue.get()]
                while not queue.empty():
                    items.append(queue.get_nowait())
                ended = items[-1] is None
                given = [item for item in items if item is not None]
                if given:
                    yield given
                for _ in given:
                    room.release()
            await asyncio.wait([reader])
            if reader.cancelled():
                raise UnavailableError(_STOPPING)
            await reader
        finally:
            self._readers.discard(reader)
            reader.cancel()
            await asyncio.wait([reader])
            if not reader.cancelled():
                # Looked at, so that asyncio does not report what nobody waits for any more.
                reader.exception()


async def _read(source: AsyncIterable[T], queue: asyncio.Queue[T | None], room: asyncio.Semaphore) -> None:
    async for item in source:
        await room.acquire()
        queue.put_nowait(item)
