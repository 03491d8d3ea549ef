"""Steps over a store that answers at once: each goes through by itself, and only its group is shared.

Nothing is gathered, as nobody ever waits for a look, and nothing is ever stale, as nobody comes between a
look and its commit. What a call that changed nothing was answered is remembered, together with the conditions
it rests on: as long as the store says that they hold, the same call has the same answer without a decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeVar

from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import ContentionError, IdsyncError
from idsync.resolve.step import Key, Step
from idsync.store.protocol import Store

__all__ = ["MAX_REMEMBERED", "AtOnce"]

MAX_REMEMBERED: Final = 16_384
"""Answers that are remembered, about 2 KiB each; the one remembered first makes room."""

R = TypeVar("R")


class _Remembered(NamedTuple):
    step: Step[Any]
    conditions: ChangeSet


class AtOnce:
    """Takes steps through a store whose `answers_at_once` is true."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._remembered: dict[Key, _Remembered] = {}

    async def take(self, step: Step[R]) -> R:
        """Take one step.

        Raises:
            IdsyncError: What the step refuses with, `UnavailableError`.
        """
        decided, applied = await self._decide(step)
        if applied.durable is not None:
            # whoever gives up waiting leaves the group to the others
            await asyncio.shield(applied.durable)
        return decided.answer(applied)

    async def take_in_order(self, steps: Sequence[Step[Any]]) -> list[Any | IdsyncError]:
        """Take steps so that each sees the effect of those before it; errors are given in place."""
        decided: list[tuple[Step[Any], Applied] | IdsyncError] = []
        for step in steps:
            try:
                decided.append(await self._decide(step))
            except IdsyncError as error:
                decided.append(error)
        return [await _answer(outcome) for outcome in decided]

    def forget(self) -> None:
        """Forget every answer: they name values of people, and somebody was erased."""
        self._remembered.clear()

    async def _decide(self, step: Step[R]) -> tuple[Step[R], Applied]:
        """Decide a step and stage what it writes; the step given back, perhaps an earlier one, answers."""
        key = step.key
        known = None if key is None else self._remembered.get(key)
        if known is not None:
            [result] = await self._store.apply((known.conditions,))
            if isinstance(result, Applied):
                return known.step, result
        [view] = await self._store.read_views((step.wanted,))
        change_set = step.decide(view)
        [result] = await self._store.apply((change_set,))
        if not isinstance(result, Applied):
            raise ContentionError("the store was written to from elsewhere")
        if key is not None and not change_set.changes:
            self._remember(key, _Remembered(step, change_set))
        return step, result

    def _remember(self, key: Key, remembered: _Remembered) -> None:
        if key not in self._remembered and len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = remembered


async def _answer(outcome: tuple[Step[Any], Applied] | IdsyncError) -> Any | IdsyncError:
    if isinstance(outcome, IdsyncError):
        return outcome
    step, applied = outcome
    try:
        if applied.durable is not None:
            await asyncio.shield(applied.durable)
        return step.answer(applied)
    except IdsyncError as error:
        return error
