"""A thread that writes: what gathers while one transaction is on its way to disk goes into the next."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias, TypeVar

import structlog

from idsync.model.errors import UnavailableError

__all__ = ["GroupWriter"]

R = TypeVar("R")
_Work: TypeAlias = tuple[Future[Any], Callable[[sqlite3.Connection], Any]]

_MAX_GROUP: Final = 512
_WAIT_S: Final = 10.0
"""A caller waits no longer for a disk that does not answer, in seconds."""

_log = structlog.get_logger("idsync.pipeline")


class GroupWriter:
    """Runs functions on one connection, each group of them in one transaction.

    The thread is no executor's: those of the standard library are waited for when the interpreter ends, and
    a disk that never answers would keep the process for ever.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take over a connection, which is closed with the writer."""
        self._connection = connection
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="idsync-events", daemon=True)
        self._thread.start()

    async def run(self, write: Callable[[sqlite3.Connection], R]) -> R:
        """Run one function, and return once what it wrote is on disk.

        Raises:
            UnavailableError: It is not on disk, or was on its way there for so long that nobody waits for it.
        """
        future: Future[R] = Future()
        self._work.put((future, write))
        try:
            # who stops waiting must not take the write back from those in the same group
            async with asyncio.timeout(_WAIT_S):
                return await asyncio.shield(asyncio.wrap_future(future))
        except TimeoutError:
            if future.cancel():
                raise UnavailableError("the disk does not answer; the events were not kept") from None
            raise UnavailableError(
                "the disk does not answer; whether the events were kept is not known"
            ) from None
        except sqlite3.Error as error:
            _log.error("events_not_written", error=type(error).__name__, code=error.sqlite_errorname)
            raise UnavailableError("the events cannot be kept now") from None

    async def close(self) -> None:
        """End the thread when what was begun is done."""
        self._work.put(None)
        await asyncio.to_thread(self._thread.join, _WAIT_S)

    def _run(self) -> None:
        while (first := self._work.get()) is not None:
            group, ends = self._gather(first)
            self._commit(group)
            del first, group
            if ends:
                break
        self._connection.close()

    def _gather(self, first: _Work) -> tuple[list[_Work], bool]:
        """Collect what waits, and say whether that was the last.

        Whoever has stopped waiting is told that nothing was kept, so what is theirs is left out.
        """
        group = [first] if first[0].set_running_or_notify_cancel() else []
        try:
            while len(group) < _MAX_GROUP:
                work = self._work.get_nowait()
                if work is None:
                    return group, True
                if work[0].set_running_or_notify_cancel():
                    group.append(work)
        except Empty:
            pass
        return group, False

    def _commit(self, group: list[_Work]) -> None:
        """Write a group; where one of it is at fault, the others are written without it."""
        if not group:
            return
        results = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results = [write(self._connection) for _, write in group]
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._undo()
            if len(group) > 1 and not isinstance(error, sqlite3.OperationalError):
                for work in group:
                    self._commit([work])
                return
            for future, _ in group:
                future.set_exception(error)
        else:
            for (future, _), result in zip(group, results, strict=True):
                future.set_result(result)

    def _undo(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            _log.error("events_not_undone", error=type(error).__name__)
