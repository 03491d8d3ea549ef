"""The record of calls in the tables, and the whole history that a replay reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid
from idsync.model.recording import HistoryCall, HistoryEntry, HistoryPage, RecordedCall, RecordedSpan
from idsync.store.recording import body_of, call_ids, first_call_id, named_by, unknown_ids
from idsync.store.sql.keyed import graph_id_of, rows_in
from idsync.store.sql.looks import Looks, whole
from idsync.store.sql.tables import (
    graph,
    identity,
    journal,
    link,
    recorded_call,
    recorded_span,
    recorded_value,
)

__all__ = ["RecordingTables"]

_PAGE: Final = 5_000
"""Rows that a replay reads at once."""


class RecordingTables(Looks):
    """Reads and writes what was recorded; part of `SqlReader`."""

    _last_call_id = 0

    # -- writing -------------------------------------------------------------------------------------------

    @whole
    async def record_calls(self, calls: Sequence[tuple[RecordedCall, int]], at_ms: int) -> list[RecordedCall]:
        """Write calls with their counts; returns those whose graph has no entry yet."""
        by_graph: defaultdict[GraphKey, list[tuple[RecordedCall, int]]] = defaultdict(list)
        for call, count in calls:
            by_graph[call.graph].append((call, count))
        refused: list[RecordedCall] = []
        async with self._engine.begin() as connection:
            for key, members in by_graph.items():
                graph_id = await graph_id_of(connection, key)
                if graph_id:
                    ids = list(islice(call_ids(at_ms, self._last_call_id), len(members)))
                    self._last_call_id = ids[-1]
                    await _record(connection, graph_id, members, ids, at_ms)
                else:
                    refused += [call for call, _ in members]
        return refused

    @whole
    async def record_span(self, span: RecordedSpan, at_ms: int) -> None:
        """Write how far one process has recorded a graph."""
        s = recorded_span.c
        async with self._engine.begin() as connection:
            graph_id = await graph_id_of(connection, span.graph)
            changed = await connection.execute(
                update(recorded_span)
                .where(s.graph_id == graph_id, s.node == span.node)
                .values(to_seq=span.to_seq, not_recorded=span.not_recorded, at_ms=at_ms)
            )
            if graph_id and not changed.rowcount:
                row = dict(zip(("node", "from_seq", "to_seq", "not_recorded"), span[1:], strict=True))
                await connection.execute(insert(recorded_span).values(graph_id=graph_id, at_ms=at_ms, **row))

    @whole
    async def forget_calls(
        self, key: GraphKey, mpids: Collection[Mpid], values: Collection[Identity]
    ) -> None:
        """Empty these values, and those that calls of profiles named, unless another live one holds them."""
        v = recorded_value.c
        async with self._engine.begin() as connection:
            graph_id = await graph_id_of(connection, key)
            bodies = await connection.scalars(
                select(recorded_call.c.body).where(
                    recorded_call.c.graph_id == graph_id, recorded_call.c.mpid.in_(mpids)
                )
            )
            named = {value_id for body in bodies for value_id in unknown_ids(body)}
            known = select(v.value_id, v.type, v.digest).where(v.graph_id == graph_id, v.digest.is_not(None))
            rows = await rows_in(connection, known, v.value_id, named)
            digests = {(int(value.type), _digest(value)) for value in values}
            rows += await _with_digests(connection, known, v.type, v.digest, digests)
            held = await _held(connection, graph_id, {(row.type, row.digest) for row in rows}, mpids)
            for row in rows:
                if (row.type, row.digest) not in held:
                    await connection.execute(
                        update(recorded_value)
                        .where(v.graph_id == graph_id, v.value_id == row.value_id)
                        .values(digest=None, value=None)
                    )

    @whole
    async def drop_calls(self, before_ms: int) -> None:
        """Remove what is older, and say of which entries nothing is recorded any more."""
        c, s = recorded_call.c, recorded_span.c
        async with self._engine.begin() as connection:
            for graph_id in list(await connection.scalars(select(graph.c.graph_id))):
                old = (c.graph_id == graph_id, c.call_id < first_call_id(before_ms))
                last = await connection.scalar(select(func.max(c.after_seq)).where(*old))
                await connection.execute(
                    delete(recorded_value).where(
                        recorded_value.c.graph_id == graph_id, recorded_value.c.at_ms < before_ms
                    )
                )
                if last is None:
                    continue
                await connection.execute(delete(recorded_call).where(*old))
                await connection.execute(
                    update(recorded_span)
                    .where(s.graph_id == graph_id, s.from_seq < last)
                    .values(from_seq=case((s.to_seq < last, s.to_seq), else_=last))
                )

    # -- reading -------------------------------------------------------------------------------------------

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


def _digest(value: Identity) -> bytes:
    return sha256(value.value.encode()).digest()


async def _record(
    connection: AsyncConnection,
    graph_id: int,
    calls: Sequence[tuple[RecordedCall, int]],
    numbers: Sequence[int],
    at_ms: int,
) -> None:
    ids = await _ids(connection, graph_id, named_by([call for call, _ in calls]), at_ms)
    rows = [
        {
            "graph_id": graph_id,
            "call_id": call_id,
            "after_seq": call.after_seq,
            "seq": call.seq,
            "operation": call.operation,
            "mpid": call.mpid,
            "named": call.named,
            "rule": call.rule,
            "count": count,
            "body": body_of(call, ids),
        }
        for call_id, (call, count) in zip(numbers, calls, strict=True)
    ]
    await connection.execute(insert(recorded_call), rows)


async def _ids(
    connection: AsyncConnection, graph_id: int, named: Iterable[Identity], at_ms: int
) -> dict[Identity, int]:
    """Give the id of each identity: the graph's, else below 0 that of the record's own dictionary."""
    keys = {(int(each.type), _digest(each)): each for each in named}
    i, v = identity.c, recorded_value.c
    query = select(i.identity_id, i.type, i.digest).where(i.graph_id == graph_id)
    found = {
        keys[row.type, row.digest]: row.identity_id
        for row in await _with_digests(connection, query, i.type, i.digest, keys)
    }
    unknown = {key: each for key, each in keys.items() if each not in found}
    if not unknown:
        return found
    query = select(v.value_id, v.type, v.digest).where(v.graph_id == graph_id)
    for row in await _with_digests(connection, query, v.type, v.digest, list(unknown)):
        found[unknown.pop((row.type, row.digest))] = -row.value_id
        await connection.execute(
            update(recorded_value)
            .where(v.graph_id == graph_id, v.value_id == row.value_id)
            .values(at_ms=at_ms)
        )
    value_ids = list(islice(call_ids(at_ms), len(unknown)))
    new = [
        {
            "graph_id": graph_id,
            "value_id": value_id,
            "type": kind,
            "digest": digest,
            "value": each.value.encode(),
            "at_ms": at_ms,
        }
        for value_id, ((kind, digest), each) in zip(value_ids, unknown.items(), strict=True)
    ]
    if new:
        await connection.execute(insert(recorded_value), new)
    found.update((each, -value_id) for value_id, each in zip(value_ids, unknown.values(), strict=True))
    return found


async def _with_digests(
    connection: AsyncConnection,
    query: Select[Any],
    type_column: ColumnElement[int],
    digest_column: ColumnElement[bytes],
    keys: Iterable[tuple[int, bytes]],
) -> list[Any]:
    """Select the rows of some (type, digest): type by type, as no key of a table leads past the type."""
    by_type: defaultdict[int, set[bytes]] = defaultdict(set)
    for kind, digest in keys:
        by_type[kind].add(digest)
    rows: list[Any] = []
    for kind, digests in by_type.items():
        rows += await rows_in(connection, query.where(type_column == kind), digest_column, digests)
    return rows


async def _held(
    connection: AsyncConnection, graph_id: int, keys: Collection[tuple[int, bytes]], but_for: Collection[Mpid]
) -> set[tuple[IdentityType | int, bytes]]:
    """Say which values, as (type, digest), live profiles hold besides some."""
    i = identity.c
    query = select(i.type, i.digest, i.identity_id).where(i.graph_id == graph_id)
    found = {row.identity_id: row for row in await _with_digests(connection, query, i.type, i.digest, keys)}
    holders = select(link.c.identity_id).where(
        link.c.graph_id == graph_id, link.c.until_seq.is_(None), link.c.mpid.not_in(but_for)
    )
    held = await rows_in(connection, holders, link.c.identity_id, set(found))
    return {(found[row.identity_id].type, found[row.identity_id].digest) for row in held}
