"""The thread below the blocking client."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from idsync.client.loop_thread import LoopThread
from idsync.model.errors import UnavailableError


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread("loop")
    yield loop
    loop.stop()


def test_stopping_ends_what_still_runs(loop: LoopThread) -> None:
    """Whoever waits for it is told, and not left waiting."""
    begun = threading.Event()

    async def endless() -> None:
        begun.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(loop.run, endless)
        assert begun.wait(30)

        loop.stop()

        with pytest.raises(UnavailableError, match="closed"):
            waiting.result(timeout=30)


def test_nothing_starts_after_the_stop(loop: LoopThread) -> None:
    """The coroutine is not even made, so that none is left without being awaited."""
    made = []

    async def work() -> None:
        """Do nothing."""

    loop.stop()

    with pytest.raises(UnavailableError, match="closed"):
        loop.run(lambda: made.append(1) or work())  # type: ignore[func-returns-value]
    assert made == []


def test_stopping_waits_for_the_thread(loop: LoopThread) -> None:
    """Also the second time; afterwards nothing of it is left."""
    loop.stop()
    loop.stop()

    assert "loop" not in {thread.name for thread in threading.enumerate()}


def test_an_interrupted_wait_cancels_its_call(loop: LoopThread) -> None:
    """Ctrl-C at a blocking call must not leave the call running behind the prompt."""
    cancelled = threading.Event()
    main = threading.get_ident()

    def waited_for() -> bool:
        frame = sys._current_frames()[main].f_back
        return frame is not None and frame.f_code.co_name == "result"

    async def endless() -> None:
        while not waited_for():  # noqa: ASYNC110 - no event says that another thread waits
            await asyncio.sleep(0)
        signal.pthread_kill(main, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(KeyboardInterrupt):
        loop.run(endless)

    assert cancelled.wait(30)
