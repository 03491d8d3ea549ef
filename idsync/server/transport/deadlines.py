"""Waits that end when their time is up, with one timer for all: one for each costs more than most calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

__all__ = ["Deadlines"]


class Deadlines:
    """Timeouts that are under way, each with the moment it ends at."""

    def __init__(self) -> None:
        self._ends: dict[asyncio.Timeout, float | None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    def begin(self, limit: asyncio.Timeout, timeout_s: float | None) -> None:
        """Watch over a timeout that was entered without a deadline.

        Args:
            limit: It must be given to `end` when it is left.
            timeout_s: After how many seconds it expires; `None`: only when it is told to.
        """
        if timeout_s is None:
            self._ends[limit] = None
            return
        loop = asyncio.get_running_loop()
        end = self._ends[limit] = loop.time() + timeout_s
        if self._timer is None or end < self._rings_at:
            self._ring_at(end, loop)

    def end(self, limit: asyncio.Timeout) -> None:
        """Let go of a timeout."""
        del self._ends[limit]

    def expire_all(self) -> None:
        """Let every timeout expire now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = asyncio.get_running_loop().time()
        for limit in self._ends:
            _expire(limit, now)

    def __iter__(self) -> Iterator[asyncio.Timeout]:
        return iter(self._ends)

    def _ring_at(self, at: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = at
        self._timer = loop.call_at(at, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let expire what is due, and wait for what is due next."""
        self._timer = None
        now = loop.time()
        left: list[float] = []
        for limit, end in self._ends.items():
            if end is None:
                continue
            # a loop may be early by the resolution of its clock
            if end <= max(now, self._rings_at):
                _expire(limit, now)
            else:
                left.append(end)
        if left:
            self._ring_at(min(left), loop)


def _expire(limit: asyncio.Timeout, now: float) -> None:
    # where the time has just run out the wait ends anyway
    if not limit.expired():
        limit.reschedule(now)
