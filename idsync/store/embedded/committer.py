"""Group commit: entries gather while the group before them is on its way to disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

import structlog

from idsync.model.errors import UnavailableError
from idsync.store.embedded.group import Group
from idsync.store.embedded.log import Log
from idsync.store.embedded.pace import Pace

__all__ = ["STALL_LOOKS", "Committer"]

_LOOK_S: Final = 1.0
STALL_LOOKS: Final = 5
"""A write that is seen this often, a second apart, has stalled.

Counted and not timed: a process that was stopped has not waited for its disk.
"""

_log = structlog.get_logger("idsync.store")


class Committer:
    """Brings groups to disk one after another: the disk sets the pace, and a quick one waits for company.

    Nobody waits for a disk that does not answer: after some seconds everybody is refused, and further groups
    are not taken before it answers.

    Args:
        log: Where groups go.
        on_durable: Told of each group once it is on disk, before those who wait for it.
        on_failed: Told when a group could not be written: all are void that `open_groups` no longer names.
    """

    def __init__(self, log: Log, on_durable: Callable[[Group], None], on_failed: Callable[[], None]) -> None:
        self._log = log
        self._on_durable = on_durable
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._pace = Pace()
        self._number = 0
        self._gathering: Group | None = None
        self._writing: Group | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._looks = 0
        self._is_stalled = False
        self._is_failing = False

    def group(self) -> Group:
        """Give the group that entries are gathered in now.

        Raises:
            UnavailableError: The disk does not answer.
        """
        if self._gathering is None:
            if self._is_stalled:
                raise UnavailableError("the disk does not answer; nothing was changed")
            self._number += 1
            durable = self._loop.create_future()
            # a failure concerns whoever awaits it; that nobody does is no fault
            durable.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._gathering = Group(self._number, durable)
            if self._writing is None:
                # its first entry is added once this has returned
                self._schedule(1)
        return self._gathering

    def open_groups(self) -> list[Group]:
        """List the groups that are not on disk, oldest first."""
        return [group for group in (self._writing, self._gathering) if group is not None]

    def durable_after(self, number: int) -> asyncio.Future[None] | None:
        """Give what to await before an answer that rests on a group; `None`: it is on disk."""
        return next((group.durable for group in self.open_groups() if group.number == number), None)

    async def settle(self) -> None:
        """Return when everything gathered so far is on disk.

        Raises:
            UnavailableError: It could not be written.
        """
        groups = self.open_groups()
        if groups:
            await asyncio.shield(groups[-1].durable)

    def close(self) -> None:
        """Look no more after the disk."""
        if self._watch is not None:
            self._watch.cancel()

    def _schedule(self, entries: int) -> None:
        wait_s = self._pace.wait_s(self._loop.time(), entries)
        if wait_s:
            self._loop.call_later(wait_s, self._write)
        else:
            self._loop.call_soon(self._write)

    def _write(self) -> None:
        if self._writing is not None or self._gathering is None:
            return
        self._writing, self._gathering = self._gathering, None
        self._pace.left(self._loop.time(), len(self._writing.entries))
        self._looks = 0
        if self._watch is None:
            self._watch = self._loop.call_later(_LOOK_S, self._look)
        try:
            body = self._writing.body()
        except TypeError as error:
            failed: Future[int] = Future()
            failed.set_exception(error)
            self._written(failed)
            return
        self._log.append(body).add_done_callback(self._appended)

    def _appended(self, appended: Future[int]) -> None:
        """Hand the result back to the loop; runs on the log's thread."""
        self._loop.call_soon_threadsafe(self._written, appended)

    def _written(self, appended: Future[int]) -> None:
        group, self._writing = self._writing, None
        assert group is not None
        error = appended.exception()
        self._is_stalled = False
        self._note(error)
        if error is None:
            group.log_id = appended.result()
            self._on_durable(group)
            if not group.durable.done():
                group.durable.set_result(None)
            if self._gathering is not None:
                self._schedule(len(self._gathering.entries))
            return
        void = [group, *self.open_groups()]
        self._gathering = None
        if not isinstance(error, UnavailableError):
            error = UnavailableError("the store cannot write")
        self._refuse(void, [error, UnavailableError("the store cannot write; nothing was changed")])

    def _refuse(self, groups: list[Group], errors: list[UnavailableError]) -> None:
        try:
            self._on_failed()
        finally:
            for group, error in zip(groups, errors, strict=False):
                if not group.durable.done():
                    group.durable.set_exception(error)

    def _look(self) -> None:
        """Count how long the disk takes for one group."""
        if self._writing is None:
            self._watch = None
            return
        self._watch = self._loop.call_later(_LOOK_S, self._look)
        self._looks += 1
        if self._looks == STALL_LOOKS:
            self._stall(self._writing)

    def _stall(self, writing: Group) -> None:
        """Refuse whoever waits: what is being written may yet be kept, what gathered behind it is void."""
        _log.error("disk_stalled", entries=len(writing.entries))
        self._is_stalled = True
        gathered, self._gathering = self._gathering, None
        unknown = UnavailableError("the disk does not answer, so what became of this call cannot be told yet")
        nothing = UnavailableError("the disk does not answer; nothing was changed")
        if gathered is None:
            writing.durable.set_exception(unknown)
        else:
            self._refuse([writing, gathered], [unknown, nothing])

    def _note(self, error: BaseException | None) -> None:
        """Say once that writing fails, and once that it works again."""
        if self._is_failing is (error is not None):
            return
        self._is_failing = error is not None
        if error is None:
            _log.warning("store_writes_again")
        else:
            cause = error.__cause__ if isinstance(error.__cause__, sqlite3.Error) else error
            _log.error("store_cannot_write", reason=getattr(cause, "sqlite_errorname", type(cause).__name__))
