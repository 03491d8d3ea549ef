"""Counts the calls that the journal does not tell whole, and has them written every few seconds.

An entry of the journal names the identities of its call that the graph knows. What it leaves out is noted
here, and so are the calls that changed nothing or were refused: each kind once, with how often it came, and
the position it came after. Nothing it rests on has changed between that position and the moment it was
answered, so it would be answered alike at either.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterator
from itertools import chain, islice
from typing import Any, Final, cast

from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import UnavailableError
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.recording import RecordedCall, RecordedSpan
from idsync.model.standing import Unchanged
from idsync.resolve.recordable import Recordable
from idsync.resolve.step import Step
from idsync.store.protocol import Store

__all__ = ["INTERVAL_S", "MAX_CALLS", "Recorder"]

INTERVAL_S: Final = 10.0
"""How often what was counted is written, in seconds; what was not written is lost with the process."""
MAX_CALLS: Final = 20_000
"""Kinds of calls in one interval; what comes beyond them is counted as not recorded."""
_DAY_MS: Final = 86_400_000
_AT_ONCE: Final = 1_000
"""Calls written together, in one transaction."""
_SLICE: Final = 100
"""Calls that are looked at before the loop has its turn: less than a millisecond."""


class Recorder:
    """Counts calls of one process, for one store.

    Args:
        store: Keeps what is written.
        clock: UTC milliseconds.
        days: How long calls are kept.

    Attributes:
        recorded: Calls that were written so far.
        not_recorded: Calls that were not: too many kinds in their interval, or a store that could not write.
    """

    def __init__(self, store: Store, clock: Callable[[], int], days: int) -> None:
        self._store = store
        self._clock = clock
        self._days = days
        self._node = secrets.randbits(62) + 1
        self._counts: dict[Recordable, int] = {}
        self._firsts: dict[Recordable, tuple[int, Mpid]] = {}
        self._kinds: dict[RecordedCall, tuple[int, int]] = {}
        self._past: dict[RecordedCall, int] = {}
        self._partial: list[RecordedCall] = []
        self._seen: dict[GraphKey, int] = {}
        self._began: dict[GraphKey, int] = {}
        self._told: dict[GraphKey, tuple[int, int]] = {}
        self._lost: dict[GraphKey, int] = {}
        self._writing = asyncio.Lock()
        self.recorded = 0
        self.not_recorded = 0

    # -- the hot path --------------------------------------------------------------------------------------

    def again(self, step: Recordable, conditions: ChangeSet | Unchanged) -> None:
        """Count one more call of a kind that changed nothing; mostly it was counted before."""
        try:
            self._counts[step] += 1
        except KeyError:
            self._first(step, conditions)

    def took(self, step: Step[Any], change_set: ChangeSet, applied: Applied, *, lasting: bool) -> None:
        """Note a call that was decided anew.

        Args:
            step: The call.
            change_set: What was decided.
            applied: What became of it.
            lasting: Whether the same step is what further calls of the kind are answered by.
        """
        if applied.seq:
            self.wrote(change_set.graph, step, change_set, applied)
        elif lasting:
            self.again(cast("Recordable", step), change_set)
        elif step.recordable:
            self._count(cast("Recordable", step), change_set)

    def wrote(self, graph: GraphKey, step: Step[Any], change_set: ChangeSet | None, applied: Applied) -> None:
        """Note what an entry leaves out of its call.

        Args:
            graph: Where the entry is.
            step: What wrote it; steps that are no calls of a person are not recordable.
            change_set: What was written; `None`: a birth of all that was looked up.
            applied: What became of it.
        """
        if graph not in self._seen:
            self._began.setdefault(graph, applied.seq - 1)
        self._seen[graph] = applied.seq
        if not step.recordable:
            return
        recordable = cast("Recordable", step)
        if recordable.is_told_by(change_set):
            return
        if self._is_full():
            self._lose(graph, 1)
            return
        call = recordable.recorded(applied.seq - 1, applied.seq, applied.mpid)
        if call is not None:
            self._partial.append(call)

    def _count(self, step: Recordable, change_set: ChangeSet) -> None:
        """Count a call by what it says; its answer may rest on more than that of the last of its kind."""
        kind = step.recorded(0, 0, change_set.mpid)
        if kind is None:
            return
        rests_on, graph = _rests_on(change_set), change_set.graph
        first, times = self._kinds.get(kind, (-1, 0))
        if first >= rests_on:
            self._kinds[kind] = first, times + 1
            return
        if self._is_full():
            self._lose(graph, 1)
            return
        if times:
            self._past[kind._replace(after_seq=first)] = times
        self._kinds[kind] = max(rests_on, self._seen.get(graph, 0)), 1

    def _is_full(self) -> bool:
        return len(self._counts) + len(self._kinds) + len(self._past) + len(self._partial) >= MAX_CALLS

    def _first(self, step: Recordable, conditions: ChangeSet | Unchanged) -> None:
        if not step.recordable:
            return
        if isinstance(conditions, ChangeSet):
            graph = conditions.graph
            rests_on = _rests_on(conditions)
        else:
            graph, rests_on = step.graph, 0
        if self._is_full():
            self._lose(graph, 1)
            return
        self._counts[step] = 1
        self._firsts[step] = max(rests_on, self._seen.get(graph, 0)), conditions.mpid

    def _lose(self, graph: GraphKey, calls: int) -> None:
        self._lost[graph] = self._lost.get(graph, 0) + calls
        self.not_recorded += calls

    def void(self) -> None:
        """Forget the interval: entries that it rests on were not written, and others take their place."""
        for step, count in self._counts.items():
            self._lose(step.graph, count)
        for call, times in self._take_calls():
            self._lose(call.graph, times)
        self._counts, self._firsts = {}, {}
        self._seen.clear()

    def _take_calls(self) -> Iterator[tuple[RecordedCall, int]]:
        """Give what was counted by what it says, and begin anew."""
        kinds, past, partial = self._kinds, self._past, self._partial
        self._kinds, self._past, self._partial = {}, {}, []
        return chain(
            ((call, 1) for call in partial),
            past.items(),
            ((kind._replace(after_seq=first), times) for kind, (first, times) in kinds.items()),
        )

    # -- every few seconds ---------------------------------------------------------------------------------

    async def write(self) -> None:
        """Write what was counted; what the store cannot take now is counted as not recorded."""
        async with self._writing:
            seen = dict(self._seen)
            counted = chain(self._take_calls(), _in_words(self._counts, self._firsts))
            self._counts, self._firsts = {}, {}
            while calls := await self._next(counted):
                await self._write(calls)
            await self._tell(seen)

    async def _next(self, counted: Iterator[tuple[RecordedCall, int]]) -> list[tuple[RecordedCall, int]]:
        """Give the next calls to be written together; two that are the same in words are one."""
        merged: dict[RecordedCall, int] = {}
        for _ in range(0, _AT_ONCE, _SLICE):
            for call, times in islice(counted, _SLICE):
                merged[call] = merged.get(call, 0) + times
            await asyncio.sleep(0)
        return list(merged.items())

    async def _write(self, calls: list[tuple[RecordedCall, int]]) -> None:
        try:
            refused = await self._store.calls.record_calls(calls, self._clock())
        except UnavailableError:
            refused = [call for call, _ in calls]
        self.recorded += sum(count for _, count in calls)
        if refused:
            counts = dict(calls)
            for call in refused:
                self.recorded -= counts[call]
                self._lose(call.graph, counts[call])

    async def _tell(self, seen: dict[GraphKey, int]) -> None:
        """Write up to which entry calls were recorded, where that changed."""
        for graph in {*seen, *self._lost}:
            span = seen.get(graph, self._told.get(graph, (0, 0))[0]), self._lost.get(graph, 0)
            if self._told.get(graph) == span:
                continue
            began = self._began.get(graph, span[0])
            try:
                written = RecordedSpan(graph, self._node, began, *span)
                await self._store.calls.record_span(written, self._clock())
            except UnavailableError:
                continue
            self._told[graph] = span

    async def forget(self, graph: GraphKey, mpids: Collection[Mpid], values: Collection[Identity]) -> None:
        """Empty what was recorded of profiles that are about to be erased, or were just now.

        Args:
            graph: Where it is.
            mpids: The profiles.
            values: What they hold or held, and by what they were named.

        Raises:
            UnavailableError: The store is out of reach.
        """
        await self.write()
        await self._store.calls.forget_calls(graph, mpids, values)

    async def drop_old(self) -> None:
        """Remove what was recorded longer ago than it is kept.

        Raises:
            UnavailableError: The store is out of reach.
        """
        await self._store.calls.drop_calls(self._clock() - self._days * _DAY_MS)


def _in_words(
    counts: dict[Recordable, int], firsts: dict[Recordable, tuple[int, Mpid]]
) -> Iterator[tuple[RecordedCall, int]]:
    """Put kinds of calls into words."""
    for step, count in counts.items():
        after_seq, mpid = firsts.pop(step)
        call = step.recorded(after_seq, 0, mpid)
        if call is not None:
            yield call, count


def _rests_on(change_set: ChangeSet) -> int:
    """Give the position of the newest entry that an answer rests on."""
    return max(*change_set.identities.values(), *change_set.profiles.values(), 0, 0)
