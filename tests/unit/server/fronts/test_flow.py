"""A stream whose reader is slow keeps its sender waiting, with a bound, and goes on where it stopped."""

from __future__ import annotations

import asyncio

import pytest

from idsync.model.errors import NotFoundError
from idsync.server.fronts.flow import MESSAGE_COSTS_BYTES, WINDOW_BYTES, Inbox, Window


async def test_a_window_has_a_bound() -> None:
    window = Window()
    sent = 0

    async def send() -> None:
        nonlocal sent
        for _ in range(10_000):
            await window.take(b"x" * 1_000)
            sent += 1

    sending = asyncio.create_task(send())
    await asyncio.wait([sending], timeout=0.01)
    first = sent
    window.widen(10 * (1_000 + MESSAGE_COSTS_BYTES))
    await asyncio.wait([sending], timeout=0.01)
    sending.cancel()

    assert WINDOW_BYTES <= first * (1_000 + MESSAGE_COSTS_BYTES) < WINDOW_BYTES + 2_000
    assert sent == first + 10


async def test_messages_without_a_byte_have_a_bound_too() -> None:
    window = Window()
    async with asyncio.timeout(10):
        for _ in range(WINDOW_BYTES // MESSAGE_COSTS_BYTES):
            await window.take(b"")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(window.take(b""), 0.01)


@pytest.mark.parametrize("size", [0, 1_000, WINDOW_BYTES - 64, 3 * WINDOW_BYTES])
async def test_what_is_taken_makes_room(size: int) -> None:
    """Whatever the size of its messages a stream never comes to stand while it is read."""
    window = Window()
    inbox = Inbox(window.widen)
    count = 3 * WINDOW_BYTES // (size + MESSAGE_COSTS_BYTES) + 3

    async def send() -> None:
        for _ in range(count):
            await window.take(b"x" * size)
            inbox.put(b"x" * size)
        inbox.end()

    async with asyncio.timeout(30):
        sending = asyncio.create_task(send())
        read = [len(message) async for message in inbox.messages()]
        await sending

    assert read == [size] * count


async def test_messages_come_before_the_error() -> None:
    inbox = Inbox(lambda _: None)
    inbox.put(b"one")
    inbox.end(NotFoundError("nobody"))
    inbox_messages = inbox.messages()

    assert await anext(inbox_messages) == b"one"
    with pytest.raises(NotFoundError):
        await anext(inbox_messages)
