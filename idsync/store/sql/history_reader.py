"""The whole history of a graph, page by page: values, entries, and calls that were recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import select

from idsync.model.identity import GraphKey
from idsync.model.recording import HistoryCall, HistoryEntry, HistoryPage, RecordedSpan
from idsync.store.sql.keyed import graph_id_of
from idsync.store.sql.looks import Looks, whole
from idsync.store.sql.tables import (
    identity,
    journal,
    recorded_call,
    recorded_span,
    recorded_value,
)

__all__ = ["HistoryReader"]

_PAGE: Final = 5_000
"""Rows that a replay reads at once."""


class HistoryReader(Looks):
    """Reads what was recorded, and the journal as a replay needs it; part of `SqlReader`."""

    @whole
    async def recorded_spans(self, key: GraphKey) -> list[RecordedSpan]:
        """List which entries calls were recorded at, by process."""
        s = recorded_span.c
        async with self._engine.connect() as connection:
            rows = await connection.execute(
                select(s.node, s.from_seq, s.to_seq, s.not_recorded)
                .where(s.graph_id == await graph_id_of(connection, key))
                .order_by(s.from_seq, s.node)
            )
            return [RecordedSpan(key, *row) for row in rows]

    async def history(self, key: GraphKey, until_seq: int) -> AsyncIterator[HistoryPage]:
        """Read everything in order: the values, then page by page the calls and entries."""
        i, v = identity.c, recorded_value.c
        for columns, of_graph, sign in (
            ((i.identity_id, i.type, i.value), i.graph_id, 1),
            ((v.value_id, v.type, v.value), v.graph_id, -1),
        ):
            after = 0
            while True:
                rows = await self._values_after(key, columns, of_graph, after)
                if not rows:
                    break
                after = rows[-1][0]
                yield HistoryPage(
                    [(sign * n, t, None if x is None else x.decode()) for n, t, x in rows], [], []
                )
        start = 0
        while start <= until_seq:
            end = min(start + _PAGE, until_seq + 1)
            entries = await self._entries_between(key, start, end)
            place: tuple[int, int] | None = None
            while True:
                found = await self._calls_between(key, start, end, place)
                calls = [HistoryCall(row[0], *row[2:]) for row in found]
                done = len(found) < _PAGE
                yield HistoryPage([], entries, calls, end - 1 if done else 0)
                entries = []
                if done:
                    break
                place = found[-1][0], found[-1][1]
            start = end

    @whole
    async def _values_after(
        self, key: GraphKey, columns: Any, of_graph: Any, after: int
    ) -> Sequence[tuple[int, int, bytes | None]]:
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            query = select(*columns).where(of_graph == graph_id, columns[0] > after)
            rows = await connection.execute(query.order_by(columns[0]).limit(_PAGE))
            return [(n, t, x) for n, t, x in rows]

    @whole
    async def _entries_between(self, key: GraphKey, start: int, end: int) -> list[HistoryEntry]:
        j = journal.c
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            rows = await connection.execute(
                select(j.seq, j.cause, j.rule, j.mpid, j.body)
                .where(j.graph_id == graph_id, j.seq >= start, j.seq < end)
                .order_by(j.seq)
            )
            return [HistoryEntry(*row) for row in rows]

    @whole
    async def _calls_between(
        self, key: GraphKey, start: int, end: int, after: tuple[int, int] | None
    ) -> Sequence[Any]:
        c = recorded_call.c
        columns = (c.after_seq, c.call_id, c.seq, c.operation, c.mpid, c.named, c.rule, c.count, c.body)
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            query = select(*columns).where(c.graph_id == graph_id, c.after_seq < end)
            if after is None:
                query = query.where(c.after_seq >= start)
            else:
                place, call_id = after
                query = query.where(c.after_seq >= place, (c.after_seq > place) | (c.call_id > call_id))
            rows = await connection.execute(query.order_by(c.after_seq, c.call_id).limit(_PAGE))
            return rows.all()
