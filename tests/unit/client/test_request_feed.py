"""Blocking requests on an event loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from idsync.client.request_feed import fed


def feeding() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "idsync-requests"]


async def test_requests_come_in_order_and_end() -> None:
    """None is lost at the end, not even a false one."""
    assert [item async for item in fed([3, 0, None, 2])] == [3, 0, None, 2]


async def test_they_are_read_on_another_thread_one_at_a_time() -> None:
    """The loop is free meanwhile, and nothing is read that nobody wants yet."""
    read: list[str] = []

    def requests() -> Iterator[int]:
        for number in range(3):
            read.append(threading.current_thread().name)
            yield number

    feed = fed(requests())

    assert await anext(feed) == 0
    assert read == ["idsync-requests"]
    await feed.aclose()


@pytest.mark.parametrize("failure", [ValueError, SystemExit])
async def test_an_error_is_raised_to_the_reader(failure: type[BaseException]) -> None:
    """Whatever it is, or the reader would wait for ever."""

    def requests() -> Iterator[int]:
        yield 1
        raise failure("line 2")

    feed = fed(requests())
    await anext(feed)

    with pytest.raises(failure, match="line 2"):
        await anext(feed)


async def test_its_thread_ends_with_it() -> None:
    """Also when the reader leaves before the end."""
    before = set(feeding())
    feed = fed([1, 2, 3])
    await anext(feed)
    (thread,) = set(feeding()) - before

    await feed.aclose()

    thread.join(30)
    assert not thread.is_alive()
