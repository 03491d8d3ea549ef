"""Decides when the fold runs, and where: in a thread for the first entries, then in its own process."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from idsync.model.errors import UnavailableError
from idsync.store.embedded.disk_thread import DiskThread
from idsync.store.embedded.folding import Folder

__all__ = ["STALL_S", "FoldRunner"]

_DELAY_S: Final = 0.25
"""Entries wait this long for others, so that one sorted transaction takes many."""
_AT_ONCE: Final = 2_048
"""This many entries do not wait."""
_FOLDED_HERE: Final = 2_048
"""So many entries are folded in a thread; a store that has more to do pays for a process, and then the work
stays off the interpreter's lock, which every call needs."""
STALL_S: Final = 30.0
"""A process that takes longer for one transaction is ended; another one begins where it was."""
_CLOSE_S: Final = 5.0

_log = structlog.get_logger("idsync.store")


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
        self._thread: DiskThread | None = None
        self._folded_here = 0
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
        if self._process is None and self._folded_here + waiting >= _FOLDED_HERE:
            await self._start_process()
        if self._process is not None:
            answer = await self._ask(self._process)
            if not answer:
                # somebody has ended it; whatever it had begun is as if it had not
                self._process = None
                await self._start_process()
                answer = "" if self._process is None else await self._ask(self._process)
            if answer.isdigit():
                return int(answer)
            if not answer:
                self._process = None
            raise UnavailableError("the store cannot write its tables")
        if self._thread is None:
            self._thread = DiskThread("idsync-fold")
        try:
            position = await asyncio.wrap_future(self._thread.submit(self._fold_here, self._latest))
        except sqlite3.Error as error:
            raise UnavailableError("the store cannot write its tables") from error
        self._folded_here += waiting
        return position

    async def _start_process(self) -> None:
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "idsync.store.embedded.folding",
                str(self._database),
                str(os.getpid()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            _log.error("fold_process_failed", reason=error.strerror)

    async def _ask(self, process: asyncio.subprocess.Process) -> str:
        """Have a process take one step; gives what it says, nothing if it has ended."""
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(b"%d\n" % self._latest)
            async with asyncio.timeout(STALL_S):
                return (await process.stdout.readline()).decode().strip()
        except TimeoutError:
            _log.error("fold_stalled")
            self._process = None
            process.kill()
            raise UnavailableError("the store cannot write its tables") from None
        except (OSError, RuntimeError):
            # the pipe has gone with the process; loops differ in how they say so
            return ""

    def _fold_here(self, up_to: int) -> int:
        if self._folder is None:
            self._folder = Folder(self._database)
        return self._folder.step(up_to)

    async def close(self) -> None:
        """Stop; what is not folded is folded at the next start."""
        if self._timer is not None:
            self._timer.cancel()
        under_way = [task for task in (self._task, self._folding) if task is not None]
        is_over = not under_way or not (await asyncio.wait(under_way, timeout=_CLOSE_S))[1]
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            assert self._process.stdin is not None
            if is_over:
                self._process.stdin.close()
            else:
                self._process.kill()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._process.wait()
        if self._thread is not None:
            if is_over and self._folder is not None:
                await asyncio.wrap_future(self._thread.submit(self._folder.close))
            self._thread.close()
