"""Rounds: whatever waits is taken together, one look for all, one commit for all, then all answers.

There is no timer. While one group is on its way to disk the next round looks and decides; it waits only for
what it itself rests on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.errors import ContentionError, IdsyncError, UnavailableError
from idsync.model.view import GraphView, LookAgain, ViewRequest
from idsync.resolve.recordable import Recordable
from idsync.resolve.recorder import Recorder
from idsync.resolve.step import Key, Step, unplanned
from idsync.store.protocol import Store

__all__ = ["MAX_ATTEMPTS", "MAX_ROUND", "Rounds"]

MAX_ROUND: Final = 256
"""Calls taken together at most, so that one round never holds the loop for long."""
MAX_ATTEMPTS: Final = 16
"""Times that a call may lose against other writers before it is told so (`ContentionError`).

Losing against a call of its own round does not count: that one is through, so the next look comes closer.
"""

R_co = TypeVar("R_co", covariant=True)


class _Waiting(Generic[R_co]):
    __slots__ = ("attempts", "future", "missing", "step")

    def __init__(self, step: Step[R_co], future: asyncio.Future[Any]) -> None:
        self.step = step
        self.future = future
        self.attempts = 0
        self.missing: list[LookAgain] = []


class Rounds:
    """Takes steps through a store, many at once."""

    def __init__(self, store: Store, recorder: Recorder | None = None) -> None:
        self._store = store
        self._recorder = recorder
        self._waiting: deque[_Waiting[Any]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._syncing: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        """Nothing is remembered here."""

    def prepare(
        self, name: Hashable, key: Key | None, answer: object, prepared: Any, sent: Recordable | None = None
    ) -> None:
        """Nothing is remembered here: another node may have changed it all since."""

    def recall(self, name: Hashable) -> Any | None:
        """Nothing is remembered here."""

    async def take(self, step: Step[R_co]) -> R_co:
        """Take one step with whatever else waits.

        Raises:
            IdsyncError: What the step refuses with, `ContentionError`, `UnavailableError`.
        """
        future: asyncio.Future[R_co] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(step, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    async def take_in_order(self, steps: Iterable[Step[Any]]) -> list[Any | IdsyncError]:
        """Take steps so that each sees the effect of those before it; errors are given in place.

        As many as do not collide are taken together; after a collision the rest looks again.
        """
        steps = list(steps)
        answers: list[Any | IdsyncError] = []
        commits: list[tuple[int, Step[Any], Applied]] = []
        size = MAX_ROUND
        attempts = 0
        missing: defaultdict[int, list[LookAgain]] = defaultdict(list)
        while len(answers) < len(steps):
            chosen = steps[len(answers) : len(answers) + size]
            views = await self._store.read_views(
                [_wanted(step, missing[at]) for at, step in enumerate(chosen, len(answers))]
            )
            change_sets, fault = _decided(chosen, views)
            if isinstance(fault, LookAgain):
                missing[len(answers) + len(change_sets)].append(fault)
            results = await self._store.apply(change_sets, in_order=True)
            progress = 0
            for step, change_set, result in zip(chosen, change_sets, results, strict=False):
                if isinstance(result, Stale):
                    break
                if self._recorder is not None:
                    self._recorder.took(step, change_set, result, lasting=False)
                commits.append((len(answers), step, result))
                answers.append(None)
                progress += 1
            if fault is not None and not isinstance(fault, LookAgain) and not change_sets:
                # It saw the effect of all before it, and still cannot be decided.
                answers.append(fault)
                progress += 1
            attempts = 0 if progress or isinstance(fault, LookAgain) else attempts + 1
            size = min(max(2 * progress, 8), MAX_ROUND)
            if attempts >= MAX_ATTEMPTS:
                answers.append(ContentionError("too many writers raced for the same identities"))
                attempts = 0
        for position, step, applied in commits:
            try:
                answers[position] = step.answer(await _durable(applied))
            except Exception as error:
                answers[position] = unplanned(error)
        return answers

    async def _run(self) -> None:
        size = MAX_ROUND
        try:
            while self._waiting:
                count = min(len(self._waiting), size)
                batch = [self._waiting.popleft() for _ in range(count)]
                try:
                    again = await self._round([w for w in batch if not w.future.done()])
                except Exception as error:
                    for waiting in batch:
                        _fail(waiting, error)
                else:
                    self._waiting.extendleft(reversed(again))
                    # Of a hundred calls that share a device one gets through each time: all of the others
                    # would look in vain.
                    size = max(2 * (count - len(again)), 1) if again else MAX_ROUND
        finally:
            self._running = None

    async def _round(self, batch: list[_Waiting[Any]]) -> list[_Waiting[Any]]:
        """Take one round; returns the calls that must look again."""
        views = await self._store.read_views([_wanted(waiting.step, waiting.missing) for waiting in batch])
        decided: list[_Waiting[Any]] = []
        change_sets: list[ChangeSet] = []
        again: list[_Waiting[Any]] = []
        for waiting, view in zip(batch, views, strict=True):
            try:
                change_sets.append(waiting.step.decide(view))
                decided.append(waiting)
            except LookAgain as more:
                waiting.missing.append(more)
                again.append(waiting)
            except Exception as error:
                _fail(waiting, error)
        results = await self._applied(change_sets)
        groups: dict[int, tuple[Applied, list[tuple[_Waiting[Any], Applied]]]] = {}
        written = False
        for waiting, change_set, result in zip(decided, change_sets, results, strict=True):
            if isinstance(result, IdsyncError):
                _fail(waiting, result)
                continue
            if self._recorder is not None and isinstance(result, Applied):
                self._recorder.took(waiting.step, change_set, result, lasting=False)
            written = written or (isinstance(result, Applied) and result.seq > 0)
            if isinstance(result, Stale):
                waiting.attempts += not written
                if waiting.attempts < MAX_ATTEMPTS:
                    again.append(waiting)
                else:
                    _fail(waiting, ContentionError("too many writers raced for the same identities"))
            elif result.durable is None:
                _answer(waiting, result)
            else:
                groups.setdefault(id(result.durable), (result, []))[1].append((waiting, result))
        for first, members in groups.values():
            task = asyncio.create_task(_answer_when_durable(first, members))
            self._syncing.add(task)
            task.add_done_callback(self._syncing.discard)
        return again

    async def _applied(self, change_sets: Sequence[ChangeSet]) -> list[Applied | Stale | IdsyncError]:
        """Commit; where that cannot be done now, calls that write nothing are answered all the same."""
        try:
            return [*await self._store.apply(change_sets)]
        except UnavailableError as error:
            quiet = [each for each in change_sets if not each.changes]
            if not quiet or len(quiet) == len(change_sets):
                raise
            results = iter(await self._store.apply(quiet))
            return [error.copy() if each.changes else next(results) for each in change_sets]


def _wanted(step: Step[Any], missing: Sequence[LookAgain]) -> ViewRequest:
    """Give what a step needs to see, with what earlier looks lacked."""
    wanted = step.wanted
    if missing:
        wanted = replace(wanted)
        for more in missing:
            more.add_to(wanted)
    return wanted


def _decided(
    steps: Sequence[Step[Any]], views: Sequence[GraphView]
) -> tuple[list[ChangeSet], IdsyncError | LookAgain | None]:
    """Decide steps up to the first that cannot be; gives what is wrong with that one, or what it lacks."""
    change_sets: list[ChangeSet] = []
    for step, view in zip(steps, views, strict=True):
        try:
            change_sets.append(step.decide(view))
        except LookAgain as more:
            return change_sets, more
        except Exception as error:
            return change_sets, unplanned(error)
    return change_sets, None


async def _durable(applied: Applied) -> Applied:
    """Wait for the group that a change set joined; whoever gives up leaves the group to the others."""
    if applied.durable is not None:
        await asyncio.shield(applied.durable)
    return applied


async def _answer_when_durable(first: Applied, members: list[tuple[_Waiting[Any], Applied]]) -> None:
    try:
        await _durable(first)
    except Exception as error:
        for waiting, _ in members:
            _fail(waiting, error)
    else:
        for waiting, applied in members:
            _answer(waiting, applied)


def _answer(waiting: _Waiting[Any], applied: Applied) -> None:
    if waiting.future.done():
        return
    try:
        waiting.future.set_result(waiting.step.answer(applied))
    except Exception as error:
        waiting.future.set_exception(error)


def _fail(waiting: _Waiting[Any], error: Exception) -> None:
    if not waiting.future.done():
        waiting.future.set_exception(error)
