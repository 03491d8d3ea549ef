"""Turns: whoever lost a race takes the graphs before it looks again, so that it loses no second one.

Of many nodes that write to one popular value only the one that looked last gets through; without turns the
others might look in vain for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from idsync.store.postgres.address import Connection

__all__ = ["Turns"]

_Task = asyncio.Task[object]

_CALM: Final = 8
"""Rounds without a collision after which a task looks without taking the graphs again."""


@dataclass(slots=True)
class _Turn:
    stack: AsyncExitStack
    connection: Connection


class Turns:
    """Keeps a transaction open from a look to the commit that follows in the same task.

    Args:
        begun: Begins a transaction.
    """

    def __init__(self, begun: Callable[[], AbstractAsyncContextManager[Connection]]) -> None:
        self._begun = begun
        self._due: WeakKeyDictionary[_Task, int] = WeakKeyDictionary()
        self._taken: dict[_Task, _Turn] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def note(self, *, lost: bool, collided: bool) -> None:
        """Note how the task's commit ended.

        Args:
            lost: Nothing of it was written because others had been there.
            collided: Some of it was not.
        """
        task = _task()
        left = self._due.get(task, 0)
        if lost or (left and collided):
            self._due[task] = _CALM
        elif left:
            self._due[task] = left - 1

    def is_due(self) -> bool:
        """Say whether the task lost a short while ago."""
        return self._due.get(_task(), 0) > 0

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Connection]:
        """Begin a transaction that stays open for the task's commit, unless the block fails."""
        await self.give_back()
        task = _task()
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._begun())
            yield connection
            self._taken[task] = _Turn(stack.pop_all(), connection)
            task.add_done_callback(self._left)

    @asynccontextmanager
    async def taken_or_new(self) -> AsyncIterator[Connection]:
        """Go on with the task's transaction; without one begin it."""
        turn = self._taken.pop(_task(), None)
        if turn is None:
            async with self._begun() as connection:
                yield connection
        else:
            async with turn.stack:
                yield turn.connection

    async def give_back(self) -> None:
        """Undo what the task took, if it did not use it."""
        turn = self._taken.pop(_task(), None)
        if turn is not None:
            await turn.stack.aclose()

    def _left(self, task: _Task) -> None:
        """Undo what a task took that was given up between its look and its commit."""
        turn = self._taken.pop(task, None)
        if turn is not None:
            ending = asyncio.get_running_loop().create_task(turn.stack.aclose())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Wait until nothing is open any more."""
        for turn in list(self._taken.values()):
            await turn.stack.aclose()
        self._taken.clear()
        if self._ending:
            await asyncio.wait(self._ending)


def _task() -> _Task:
    task = asyncio.current_task()
    assert task is not None, "the store is used on a loop"
    return task
