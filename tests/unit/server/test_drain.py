"""Long streams: what waits is taken together, and ends well when the service stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from idsync.model.errors import UnavailableError
from idsync.server.drain import Drain


class Source:
    """Gives numbers, and stops after each of `pauses` until it may go on."""

    def __init__(self, count: int, pauses: set[int] | None = None) -> None:
        self.read = 0
        self.paused = asyncio.Event()
        self.go_on = asyncio.Event()
        self._count = count
        self._pauses = pauses or set()

    async def __aiter__(self) -> AsyncGenerator[int, None]:
        for number in range(self._count):
            self.read += 1
            yield number
            if number in self._pauses:
                self.paused.set()
                await self.go_on.wait()


async def test_everything_in_order() -> None:
    groups = [group async for group in Drain().waiting(Source(1_000), 10)]

    assert [number for group in groups for number in group] == list(range(1_000))
    assert max(map(len, groups)) <= 10


async def test_what_waits_comes_together() -> None:
    source = Source(5, pauses={3})
    waiting = Drain().waiting(source, 10)
    first = asyncio.ensure_future(anext(waiting))
    await source.paused.wait()

    assert await first == [0, 1, 2, 3]

    source.go_on.set()
    assert await anext(waiting) == [4]
    await waiting.aclose()


async def test_reading_ahead_is_bounded() -> None:
    """A reader that is slower than its source must slow it down."""
    source = Source(1_000)
    waiting = Drain().waiting(source, 10)
    await anext(waiting)
    for _ in range(100):
        await asyncio.sleep(0)

    assert source.read <= 11
    await waiting.aclose()


async def test_error_comes_after_what_was_read() -> None:
    async def source() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("broken")

    waiting = Drain().waiting(source(), 10)

    assert await anext(waiting) == [1]
    with pytest.raises(ValueError, match="broken"):
        await anext(waiting)


async def test_stopping_ends_after_what_was_read() -> None:
    drain = Drain()
    source = Source(5, pauses={1})
    waiting = drain.waiting(source, 10)
    first = asyncio.ensure_future(anext(waiting))
    await source.paused.wait()

    drain.begin()

    assert await first == [0, 1]
    with pytest.raises(UnavailableError):
        await anext(waiting)
    assert source.read == 2


async def test_stopped_reads_nothing() -> None:
    drain = Drain()
    drain.begin()
    source = Source(5)

    with pytest.raises(UnavailableError):
        await anext(drain.waiting(source, 10))
    assert source.read == 0


async def test_leaving_early_ends_the_source() -> None:
    ended = asyncio.Event()

    async def source() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = Drain().waiting(source(), 10)
    await anext(waiting)
    await waiting.aclose()

    assert ended.is_set()
