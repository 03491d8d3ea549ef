"""Which calls a call has to wait for, so that every person's calls arrive in the order of the file."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable
from typing import Final

from idsync.client.replay.lines import Line

__all__ = ["INHERITED_FROM", "Order"]

INHERITED_FROM: Final = 65_536
"""How many lines a modify may look back for the identities of the line it refers to."""


class Order:
    """The calls under way, by what ties them to others.

    A call waits for the latest call under way with each of its ties. That one waited for the one before it,
    so all earlier ones are done when it is. Calls that share nothing do not wait for each other.
    """

    def __init__(self) -> None:
        self._latest: dict[Hashable, asyncio.Task[None]] = {}
        self._recent: dict[int, frozenset[Hashable]] = {}

    def ties(self, line: Line) -> frozenset[Hashable]:
        """Say what ties a line to others; a modify brings no identities, so it has those of its reference."""
        ties = line.ties | {("line", line.number)}
        if line.call == "modify" and line.refers_to is not None:
            ties |= self._recent.get(line.refers_to, frozenset())
        self._recent[line.number] = ties
        while (oldest := next(iter(self._recent))) < line.number - INHERITED_FROM:
            del self._recent[oldest]
        return ties

    def earlier(self, ties: Iterable[Hashable]) -> set[asyncio.Task[None]]:
        """Give the calls under way that a call with these ties must not overtake."""
        return {task for tie in ties if (task := self._latest.get(tie)) is not None}

    def begin(self, ties: Iterable[Hashable], task: asyncio.Task[None]) -> None:
        """Let later calls with any of these ties wait for `task`."""
        for tie in ties:
            self._latest[tie] = task

    def end(self, ties: Iterable[Hashable], task: asyncio.Task[None]) -> None:
        """Forget a call that is done."""
        for tie in ties:
            if self._latest.get(tie) is task:
                del self._latest[tie]
