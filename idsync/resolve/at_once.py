"""Steps over a store that answers at once: each goes through by itself, and only its group is shared.

Nothing is gathered, as nobody ever waits for a look, and nothing is ever stale, as nobody comes between a
look and its commit. What a call that changed nothing was answered is remembered, together with the conditions
it rests on: as long as the store says that they hold, the same call has the same answer without a decision.
A surface may have its own form of such an answer kept beside it, under its own name of the call: while the
conditions hold, that name is all it takes.

A call of which nothing is remembered may still stand where another stood before, and then what was ruled of
that one is its answer too.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Hashable, Iterable
from typing import Any, Final, NamedTuple, TypeVar, cast

from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import ContentionError, IdsyncError, UnavailableError
from idsync.model.standing import UNHELD, Standing, Unchanged
from idsync.model.view import ViewRequest
from idsync.resolve.recordable import Recordable
from idsync.resolve.recorder import Recorder
from idsync.resolve.ruling import Rulings
from idsync.resolve.step import Key, RuledStep, Step, unplanned
from idsync.store.protocol import ImmediateStore

__all__ = ["MAX_REMEMBERED", "AtOnce"]

MAX_REMEMBERED: Final = 16_384
"""Answers that are remembered, about 2 KiB each; the one remembered first makes room."""
_MAX_CHARS: Final = 1_024
"""Characters of all values of a call that is remembered: long ones of strangers could fill gigabytes."""

R = TypeVar("R")


class _Remembered(NamedTuple):
    step: Step[Any]
    conditions: ChangeSet | Unchanged


class AtOnce:
    """Takes steps through a store whose `answers_at_once` is true."""

    def __init__(self, store: ImmediateStore, recorder: Recorder | None = None) -> None:
        self._store = store
        self._recorder = recorder
        # in a plain dictionary every look for the first key walks past all that were removed before it
        self._remembered: OrderedDict[Key, _Remembered] = OrderedDict()
        self._prepared: OrderedDict[Hashable, tuple[ChangeSet | Unchanged, Any, Recordable]] = OrderedDict()
        self._rulings = Rulings()

    async def take(self, step: Step[R]) -> R:
        """Take one step.

        Raises:
            IdsyncError: What the step refuses with, `UnavailableError`.
        """
        decided, applied = await self._decide(step)
        if applied.durable is not None:
            await self._durable(applied.durable)
        return decided.answer(applied)

    async def take_in_order(self, steps: Iterable[Step[Any]]) -> list[Any | IdsyncError]:
        """Take steps so that each sees the effect of those before it; errors are given in place.

        Each is asked for when those before it are decided.
        """
        decided: list[tuple[Step[Any], Applied] | IdsyncError] = []
        for step in steps:
            try:
                decided.append(await self._decide(step))
            except Exception as error:
                decided.append(unplanned(error))
        return [await self._answer(outcome) for outcome in decided]

    def prepare(
        self, name: Hashable, key: Key | None, answer: object, prepared: Any, sent: Recordable | None = None
    ) -> None:
        """Keep a surface's form of an answer, if the answer is the one remembered under `key`.

        It need not be: while its caller waited for the disk, the same call may have been answered anew.
        `sent` is the call in the words of `name`, where the one remembered may have been put in others.
        """
        known = self._remembered.get(key)
        if known is None or _answer_of(known) != answer:
            return
        if len(self._prepared) >= MAX_REMEMBERED:
            self._prepared.popitem(last=False)
        kind = cast("Recordable", known.step)
        if sent is not None:
            kind = sent.answered_like(kind)
        self._prepared[name] = known.conditions, prepared, kind

    def recall(self, name: Hashable) -> Any | None:
        """Give what was prepared under a name, if it would be answered again."""
        found = self._prepared.get(name)
        if found is None:
            return None
        conditions, prepared, kind = found
        if self._store.stands(conditions):
            if self._recorder is not None:
                self._recorder.again(kind, conditions)
            return prepared
        del self._prepared[name]
        return None

    def forget(self) -> None:
        """Forget every answer: they name values, and hold on to the graph as it was."""
        self._remembered.clear()
        self._prepared.clear()

    async def _decide(self, step: Step[R]) -> tuple[Step[R], Applied]:
        """Decide a step and stage what it writes; the step given back, perhaps an earlier one, answers."""
        key = step.key
        known = None if key is None else self._remembered.get(key)
        if known is not None:
            again = await self._again(known.conditions)
            if again is not None:
                if self._recorder is not None:
                    kind: Any = known.step
                    if not step.is_whole:
                        kind = cast("Recordable", step).answered_like(kind)
                    self._recorder.again(kind, known.conditions)
                return known.step, again
            self._remembered.pop(key, None)
        wanted = step.wanted
        likeness = step.likeness
        ruled = None if likeness is None else cast("RuledStep[R]", step)
        standing = None if ruled is None else self._store.standing(wanted)
        if ruled is not None and standing is not None:
            applied = self._follow(ruled, likeness, wanted, standing)
            if applied is not None:
                return step, applied
        [view] = await self._store.read_views((wanted,))
        change_set = step.decide(view)
        [result] = await self._store.apply((change_set,))
        if not isinstance(result, Applied):
            raise ContentionError("the store was written to from elsewhere")
        if ruled is not None and standing is not None:
            ruling = ruled.ruling(standing)
            if ruling is not None:
                self._rulings.keep(likeness, standing, ruling)
        if not change_set.changes:
            self._remember(key, wanted, _Remembered(step, change_set))
        if self._recorder is not None:
            self._recorder.took(step, change_set, result, lasting=step.key is not None)
        return step, result

    async def _again(self, conditions: ChangeSet | Unchanged) -> Applied | None:
        """Say what an answer without changes rests on, if it would be given again."""
        if not isinstance(conditions, ChangeSet):
            return self._store.vouch(conditions)
        [result] = await self._store.apply((conditions,))
        return result if isinstance(result, Applied) else None

    def _follow(
        self, step: RuledStep[Any], likeness: Hashable, wanted: ViewRequest, standing: Standing
    ) -> Applied | None:
        """Decide a step as another was decided that stood so; `None`: there was none yet."""
        ruling = self._rulings.of(likeness, standing)
        if ruling is None:
            return None
        step.follow(ruling)
        if standing is UNHELD:
            newcomer = step.newcomer(ruling)
            applied = self._store.welcome(newcomer)
            if self._recorder is not None:
                self._recorder.wrote(newcomer.graph, step, None, applied)
        else:
            vouched = self._store.vouch(standing)
            if vouched is None:
                return None
            applied = vouched
            self._remember(step.key, wanted, _Remembered(step, standing))
            if self._recorder is not None:
                self._recorder.again(cast("Recordable", step), standing)
        return applied

    async def _durable(self, durable: Awaitable[None]) -> None:
        """Wait for a group; whoever gives up waiting leaves it to the others.

        When it failed, what it staged is void, and what is remembered of it would be kept for nothing.
        """
        try:
            await asyncio.shield(durable)
        except UnavailableError as error:
            self.forget()
            if self._recorder is not None:
                self._recorder.void()
            raise error.copy() from error

    async def _answer(self, outcome: tuple[Step[Any], Applied] | IdsyncError) -> Any | IdsyncError:
        if isinstance(outcome, IdsyncError):
            return outcome
        step, applied = outcome
        try:
            if applied.durable is not None:
                await self._durable(applied.durable)
            return step.answer(applied)
        except Exception as error:
            return unplanned(error)

    def _remember(self, key: Key | None, wanted: ViewRequest, remembered: _Remembered) -> None:
        if key is None or not _is_short(wanted):
            return
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        self._remembered[key] = remembered


def _answer_of(known: _Remembered) -> object:
    try:
        return known.step.answer(Applied(known.conditions.mpid, 0, None))
    except IdsyncError as refusal:
        return refusal


def _is_short(wanted: ViewRequest) -> bool:
    return sum([len(identity[1]) for identity in wanted.identities]) <= _MAX_CHARS
