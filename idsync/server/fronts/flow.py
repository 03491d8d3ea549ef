"""Streams across the socket: how much may be on its way, and what has come and was not taken yet.

A sender begins with a window of bytes and waits when it is used up; a receiver gives back what was taken.
So a stream whose reader is slow keeps its own sender waiting, and nobody else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Final

__all__ = ["MESSAGE_COSTS_BYTES", "WINDOW_BYTES", "Inbox", "Window"]

WINDOW_BYTES: Final = 1024 * 1024
"""What one stream may have on its way in one direction; a single message may exceed it."""
MESSAGE_COSTS_BYTES: Final = 64
"""What a message costs beside its bytes, so that empty ones have a bound too."""
_GIVE_BACK_BYTES: Final = WINDOW_BYTES // 2


class Window:
    """How much the sender of a stream may still send."""

    def __init__(self) -> None:
        self._room = WINDOW_BYTES
        self._waiting: asyncio.Future[None] | None = None

    async def take(self, message: bytes) -> None:
        """Wait until there is any room, and use as much of it as a message costs."""
        while self._room <= 0:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        self._room -= len(message) + MESSAGE_COSTS_BYTES

    def widen(self, size: int) -> None:
        """Allow `size` bytes more: they were taken."""
        self._room += size
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Inbox:
    """The messages of a stream that have come.

    Args:
        taken: Told how many bytes more the sender may send.
    """

    def __init__(self, taken: Callable[[int], None]) -> None:
        self._taken = taken
        self._messages: deque[bytes] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._has_ended = False
        self._error: Exception | None = None
        self._unsaid = 0

    def put(self, message: bytes) -> None:
        """Add a message."""
        self._messages.append(message)
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """Say that no more will come; the reader meets the error after the messages."""
        self._has_ended, self._error = True, error
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def messages(self) -> AsyncGenerator[bytes, None]:
        """Give the messages in order, as they come.

        Raises:
            Exception: What the stream ended with.
        """
        while True:
            while self._messages:
                message = self._messages.popleft()
                self._unsaid += len(message) + MESSAGE_COSTS_BYTES
                if self._unsaid >= _GIVE_BACK_BYTES:
                    self._taken(self._unsaid)
                    self._unsaid = 0
                yield message
            if self._has_ended:
                if self._error is not None:
                    raise self._error
                return
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
