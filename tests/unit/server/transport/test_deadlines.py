"""One timer for many waits: each ends at its own moment, and whoever is told to ends at once."""

from __future__ import annotations

import asyncio

from idsync.server.transport.deadlines import Deadlines

LATE_S = 30


async def wait(deadlines: Deadlines, timeout_s: float | None, begun: asyncio.Event | None = None) -> float:
    """Wait for nothing; gives after how many seconds the wait was ended."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        async with asyncio.timeout(None) as limit:
            deadlines.begin(limit, timeout_s)
            try:
                if begun is not None:
                    begun.set()
                await asyncio.Event().wait()
            finally:
                deadlines.end(limit)
    except TimeoutError:
        return loop.time() - started
    raise AssertionError("nobody ended it")


async def test_each_ends_when_its_time_is_up() -> None:
    """Whatever the order they began in."""
    deadlines = Deadlines()
    times = (0.2, 0.05, 0.4, 0.05, 0.1)
    async with asyncio.timeout(LATE_S):
        took = await asyncio.gather(*(wait(deadlines, timeout_s) for timeout_s in times))

    for timeout_s, took_s in zip(times, took, strict=True):
        # the clock of a loop has a resolution of a millisecond
        assert took_s >= timeout_s - 0.002
    assert took[2] > took[0] > took[4] > took[1]
    assert not list(deadlines)


async def test_one_that_has_ended_disturbs_no_other() -> None:
    deadlines = Deadlines()
    async with asyncio.timeout(None) as limit:
        deadlines.begin(limit, 0.01)
        deadlines.end(limit)
        async with asyncio.timeout(LATE_S):
            await wait(deadlines, 0.1)

    assert not limit.expired()


async def test_all_end_when_they_are_told_to() -> None:
    """Those without a deadline too."""
    deadlines = Deadlines()
    begun = [asyncio.Event() for _ in range(3)]
    waits = [
        asyncio.create_task(wait(deadlines, timeout_s, event))
        for timeout_s, event in zip((None, 60, 0.5), begun, strict=True)
    ]
    for event in begun:
        await event.wait()
    deadlines.expire_all()

    async with asyncio.timeout(LATE_S):
        assert max(await asyncio.gather(*waits)) < 60


async def test_without_a_deadline_it_lasts() -> None:
    deadlines = Deadlines()
    begun = asyncio.Event()
    endless = asyncio.create_task(wait(deadlines, None, begun))
    await begun.wait()
    async with asyncio.timeout(LATE_S):
        await wait(deadlines, 0.05)

    assert not endless.done()
    deadlines.expire_all()
    await endless
