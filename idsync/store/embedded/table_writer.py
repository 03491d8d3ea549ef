"""The one writer of the tables: a thread for the first rows, then a process of its own.

SQLite admits one writer at a time, and whatever computes in the service takes the interpreter's lock, which
every call needs. So all that is written to the tables while the service runs is written in one place, in
order, and is told to that place as a line of text.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from idsync.model.errors import UnavailableError
from idsync.store.embedded.disk_thread import DiskThread
from idsync.store.embedded.table_work import TableWork

__all__ = ["STALL_S", "TableWriter"]

_WRITTEN_HERE: Final = 2_048
"""So many entries and calls are written in a thread; a store that has more to do pays for a process, and then
the work stays off the interpreter's lock."""
STALL_S: Final = 30.0
"""A process that takes longer for one transaction is ended; another one begins where it was."""
_CLOSE_S: Final = 5.0

_log = structlog.get_logger("idsync.store")


class TableWriter:
    """Has one transaction done after another.

    Args:
        database: The tables' file.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._work: TableWork | None = None
        self._thread: DiskThread | None = None
        self._written_here = 0
        self._process: asyncio.subprocess.Process | None = None

    async def write(self, line: bytes, rows: int) -> int:
        """Have one transaction done; it goes on to its end, also when nobody waits for it any more.

        Args:
            line: What `TableWork.do` is to do, without the end of the line.
            rows: About how many entries or calls that are.

        Returns:
            What it answered.

        Raises:
            UnavailableError: The tables cannot be written.
        """
        task = asyncio.create_task(self._in_turn(line, rows))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # looked at even if nobody waits any more
            task.exception()

    async def _in_turn(self, line: bytes, rows: int) -> int:
        async with self._turn:
            if self._process is None and self._written_here + rows >= _WRITTEN_HERE:
                await self._start_process()
            if self._process is not None:
                return await self._write_there(line)
            if self._thread is None:
                self._thread = DiskThread("idsync-fold")
            try:
                answer = await asyncio.wrap_future(self._thread.submit(self._write_here, line))
            except sqlite3.Error as error:
                raise UnavailableError("the store cannot write its tables") from error
            self._written_here += rows
            return answer

    async def _write_there(self, line: bytes) -> int:
        answer = "" if self._process is None else await self._ask(self._process, line)
        if not answer:
            # somebody has ended it; what it had begun is as if it had not; what it had committed
            # changes nothing a second time: calls have their numbers, and are refused
            self._process = None
            await self._start_process()
            answer = "" if self._process is None else await self._ask(self._process, line)
        if answer.isdigit():
            return int(answer)
        if not answer:
            self._process = None
        raise UnavailableError("the store cannot write its tables")

    async def _start_process(self) -> None:
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "idsync.store.embedded.table_work",
                str(self._database),
                str(os.getpid()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            _log.error("fold_process_failed", reason=error.strerror)

    async def _ask(self, process: asyncio.subprocess.Process, line: bytes) -> str:
        """Have a process take one step; gives what it says, nothing if it has ended."""
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line + b"\n")
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

    def _write_here(self, line: bytes) -> int:
        if self._work is None:
            self._work = TableWork(self._database)
        return self._work.do(line)

    async def close(self) -> None:
        """Stop once what was begun has ended; gives up after some seconds."""
        is_over = not self._under_way or not (await asyncio.wait(self._under_way, timeout=_CLOSE_S))[1]
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
            if is_over and self._work is not None:
                await asyncio.wrap_future(self._thread.submit(self._work.close))
            self._thread.close()
