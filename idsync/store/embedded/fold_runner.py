"""Decides when the fold runs: entries wait a moment for others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from idsync.model.errors import UnavailableError
from idsync.store.embedded.table_writer import TableWriter

__all__ = ["FoldRunner"]

_DELAY_S: Final = 0.25
"""Entries wait this long for others, so that one sorted transaction takes many."""
_AT_ONCE: Final = 2_048
"""This many entries do not wait."""
_CLOSE_S: Final = 5.0

_log = structlog.get_logger("idsync.store")


class FoldRunner:
    """Keeps the tables close behind the log.

    Args:
        writer: Does what is to be done.
        position: The row of the log that the tables contain.
        on_folded: Told the new position.
    """

    def __init__(self, writer: TableWriter, position: int, on_folded: Callable[[int], None]) -> None:
        self._writer = writer
        self._on_folded = on_folded
        self._position = position
        self._latest = position
        self._waiting_entries = 0
        self._folding: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def grown(self, log_id: int, entries: int) -> None:
        """Note that the log has a new row with so many entries."""
        self._latest = log_id
        self._waiting_entries += entries
        if self._task is not None:
            return
        if self._waiting_entries >= _AT_ONCE:
            self._start()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_DELAY_S, self._start)

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None:
            self._task = asyncio.create_task(self._in_background())

    async def _in_background(self) -> None:
        try:
            await self.settle()
        except Exception as error:
            reason = str(error) if isinstance(error, UnavailableError) else type(error).__name__
            _log.error("fold_failed", reason=reason, waiting_entries=self._waiting_entries)
            self._timer = asyncio.get_running_loop().call_later(1.0, self._start)
        finally:
            self._task = None
            if self._waiting_entries and self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(_DELAY_S, self._start)

    async def settle(self) -> None:
        """Return when the tables contain what the log has now.

        Raises:
            UnavailableError: The tables cannot be written.
        """
        target = self._latest
        while self._position < target:
            # one that is done is about to be forgotten, but waiting for it again would never let that happen
            if self._folding is None or self._folding.done():
                self._folding = asyncio.create_task(self._fold_once())
                self._folding.add_done_callback(self._ended)
            # whoever waits may be cancelled, a fold may not: its thread would go on, beside that of the next
            await asyncio.shield(self._folding)

    async def _fold_once(self) -> None:
        waiting, self._waiting_entries = self._waiting_entries, 0
        try:
            position = await self._fold(waiting)
        except BaseException:
            self._waiting_entries += waiting
            raise
        self._position = position
        self._on_folded(position)

    def _ended(self, folding: asyncio.Task[None]) -> None:
        if self._folding is folding:
            self._folding = None
        if not folding.cancelled():
            # looked at even if nobody waits any more
            folding.exception()

    async def _fold(self, waiting: int) -> int:
        return await self._writer.write(b"%d" % self._latest, waiting)

    async def close(self) -> None:
        """Begin no further fold, and wait some seconds for the last; the next start folds what is left."""
        if self._timer is not None:
            self._timer.cancel()
        under_way = [task for task in (self._task, self._folding) if task is not None]
        if under_way:
            await asyncio.wait(under_way, timeout=_CLOSE_S)
        if self._timer is not None:
            self._timer.cancel()
