"""Group commit: entries gather while the group before them is on its way to disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

from idsync.model.errors import UnavailableError
from idsync.store.embedded.group import Group
from idsync.store.embedded.log import Log

__all__ = ["Committer"]


class Committer:
    """Brings groups to disk one after another, without a timer: the disk sets the pace.

    Args:
        log: Where groups go.
        on_durable: Told of each group once it is on disk, before those who wait for it.
        on_failed: Told when a group could not be written: it and the one gathering are void.
    """

    def __init__(self, log: Log, on_durable: Callable[[Group], None], on_failed: Callable[[], None]) -> None:
        self._log = log
        self._on_durable = on_durable
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self._gathering: Group | None = None
        self._writing: Group | None = None

    def group(self) -> Group:
        """Give the group that entries are gathered in now."""
        if self._gathering is None:
            self._number += 1
            durable = self._loop.create_future()
            # a failure concerns whoever awaits it; that nobody does is no fault
            durable.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._gathering = Group(self._number, durable)
            if self._writing is None:
                self._loop.call_soon(self._write)
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

    def _write(self) -> None:
        if self._writing is not None or self._gathering is None:
            return
        self._writing, self._gathering = self._gathering, None
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
        if error is None:
            group.log_id = appended.result()
            self._on_durable(group)
            group.durable.set_result(None)
            self._write()
            return
        void = [group, *self.open_groups()]
        self._gathering = None
        self._on_failed()
        for each in void:
            each.durable.set_exception(
                error if isinstance(error, UnavailableError) else UnavailableError("the store cannot write")
            )
