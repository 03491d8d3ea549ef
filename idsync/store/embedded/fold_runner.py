"""Decides when the fold runs, and where: in a thread while there is little to do, else in its own process."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from idsync.model.errors import UnavailableError
from idsync.store.embedded.folding import Folder

__all__ = ["FoldRunner"]

_DELAY_S: Final = 0.25
"""Entries wait this long for others, so that one sorted transaction takes many."""
_AT_ONCE: Final = 2_048
"""This many entries do not wait. They also pay for a process: the fold's work then stays off our lock."""

_log = structlog.get_logger()


class FoldRunner:
    """Keeps the tables close behind the log.

    Args:
        database: The tables' file.
        position: The row of the log that the tables contain.
        on_folded: Told the new position.
    """

    def __init__(self, database: Path, position: int, on_folded: Callable[[int], None]) -> None:
        self._database = database
        self._on_folded = on_folded
        self._position = position
        self._latest = position
        self._waiting_entries = 0
        self._folding: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._folder: Folder | None = None
        self._process: asyncio.subprocess.Process | None = None

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
        except UnavailableError as error:
            _log.error("fold_failed", reason=str(error), waiting_entries=self._waiting_entries)
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
        if self._process is None and waiting >= _AT_ONCE:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "idsync.store.embedded.folding",
                str(self._database),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        if self._process is None:
            try:
                return await asyncio.to_thread(self._fold_here)
            except sqlite3.Error as error:
                raise UnavailableError("the store cannot write its tables") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"fold\n")
        answer = (await self._process.stdout.readline()).decode().strip()
        if answer.isdigit():
            return int(answer)
        if not answer:
            await self._process.wait()
            self._process = None
        raise UnavailableError("the store cannot write its tables")

    def _fold_here(self) -> int:
        if self._folder is None:
            self._folder = Folder(self._database)
        return self._folder.run()

    async def close(self) -> None:
        """Stop; what is not folded is folded at the next start."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])
        if self._folding is not None:
            await asyncio.wait([self._folding])
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()
        if self._folder is not None:
            self._folder.close()
