"""A look into the tables goes on to its end, also when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["Looks", "whole"]

P = ParamSpec("P")
R = TypeVar("R")
L = TypeVar("L", bound="Looks")


class Looks:
    """What looks into the tables through one engine, and knows which looks have not ended.

    Args:
        engine: Each use of it is one consistent look.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.under_way: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Let every look end, then let go of every connection."""
        while self.under_way:
            await asyncio.wait(self.under_way)
        await self._engine.dispose()


def whole(
    look: Callable[Concatenate[L, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[L, P], Awaitable[R]]:
    """Give a look a task of its own, which nobody cancels; whoever asked may be.

    A connection whose use is cancelled is closed, and one whose closing is cancelled as well (a caller who
    left, then the service that stops) is waited for by a task that never ends.
    """

    @wraps(look)
    async def run(self: L, /, *args: P.args, **kwargs: P.kwargs) -> R:
        task = asyncio.create_task(look(self, *args, **kwargs))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return await asyncio.shield(task)

    return run
