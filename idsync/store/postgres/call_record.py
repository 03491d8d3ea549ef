"""The record of calls on PostgreSQL, which several nodes write at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

import stamina

from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.recording import RecordedCall, RecordedSpan
from idsync.store.postgres import call_statements, statements
from idsync.store.postgres.address import Connection
from idsync.store.postgres.database import Database, unavailable_if_away
from idsync.store.postgres.faults import TRANSACTION_TRIES, is_race
from idsync.store.postgres.rows import digest
from idsync.store.recording import body_of, call_ids, first_call_id, named_by, unknown_ids
from idsync.store.sql.reader import SqlReader

__all__ = ["PostgresCallRecord"]

T = TypeVar("T")
_Key: TypeAlias = tuple[int, bytes]
_Counted: TypeAlias = tuple[RecordedCall, int]

_AT_ONCE: Final = 500
"""Calls of one transaction."""
_SLICE: Final = 100
"""Calls that are put into words before the loop has its turn."""
_DROPPED_AT_ONCE: Final = 5_000


class PostgresCallRecord:
    """Implements `idsync.store.protocol.CallRecord`.

    Args:
        database: Where it is kept.
        tables: Reads it.
    """

    def __init__(self, database: Database, tables: SqlReader) -> None:
        self._database = database
        self._tables = tables
        self._last_call_id = 0

    async def record_calls(self, calls: Sequence[_Counted], at_ms: int) -> list[RecordedCall]:
        """Write calls; what another node writes at the same moment is no fault."""
        by_graph: defaultdict[GraphKey, list[_Counted]] = defaultdict(list)
        for call, count in calls:
            by_graph[call.graph].append((call, count))
        refused: list[RecordedCall] = []
        for key, members in by_graph.items():
            for start in range(0, len(members), _AT_ONCE):
                refused += await self._record(key, members[start : start + _AT_ONCE], at_ms)
        return refused

    async def _record(self, key: GraphKey, calls: Sequence[_Counted], at_ms: int) -> list[RecordedCall]:
        named = named_by([call for call, _ in calls])
        keys = {(int(each.type), digest(each.value.encode())): each for each in named}

        async def write() -> list[RecordedCall]:
            async with self._transaction(key) as (connection, graph_id):
                if graph_id is None:
                    return [call for call, _ in calls]
                ids = await _ids(connection, graph_id, keys, at_ms)
                numbers = list(islice(call_ids(at_ms, self._last_call_id), len(calls)))
                self._last_call_id = max(self._last_call_id, numbers[-1])
                rows: list[tuple[Any, ...]] = []
                for start in range(0, len(calls), _SLICE):
                    part = zip(numbers[start:], calls[start : start + _SLICE], strict=False)
                    rows += ((n, *call[1:7], count, body_of(call, ids)) for n, (call, count) in part)
                    await asyncio.sleep(0)
                await connection.execute(call_statements.RECORD, graph_id, *zip(*rows, strict=True))
                return []

        return await _again(write)

    async def record_span(self, span: RecordedSpan, at_ms: int) -> None:
        """Write how far this node has recorded a graph."""

        async def write() -> None:
            async with self._transaction(span.graph) as (connection, graph_id):
                if graph_id is not None:
                    await connection.execute(call_statements.SPAN, graph_id, *span[1:], at_ms)

        await _again(write)

    async def recorded_spans(self, graph: GraphKey) -> list[RecordedSpan]:
        """List which entries calls were recorded at, by node."""
        with unavailable_if_away():
            return await self._tables.recorded_spans(graph)

    async def forget_calls(
        self, graph: GraphKey, mpids: Collection[Mpid], values: Collection[Identity]
    ) -> None:
        """Empty what was recorded of a profile."""
        asked = [(int(value.type), digest(value.value.encode())) for value in values]

        async def forget() -> None:
            async with self._transaction(graph) as (connection, graph_id):
                if graph_id is not None:
                    await _forget(connection, graph_id, list(mpids), asked)

        await _again(forget)

    async def drop_calls(self, before_ms: int) -> None:
        """Remove what is older, some of it at a time; nodes that do so at once do it once."""
        for key in await self._tables.graphs():

            async def drop(key: GraphKey = key) -> bool:
                async with self._transaction(key) as (connection, graph_id):
                    return graph_id is not None and await _drop(connection, graph_id, before_ms)

            while await _again(drop):
                pass

    @asynccontextmanager
    async def _transaction(self, key: GraphKey) -> AsyncIterator[tuple[Connection, int | None]]:
        """Begin a transaction about one graph; gives its number, `None` where it has no entry."""
        async with self._database.connection() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            yield connection, await connection.fetchval(statements.GRAPH, key.scope, int(key.environment))
            await connection.execute("COMMIT")


async def _again(transaction: Callable[[], Awaitable[T]]) -> T:
    """Take a transaction, as often as the database undoes it because of another one."""
    async for attempt in stamina.retry_context(on=is_race, attempts=TRANSACTION_TRIES, wait_initial=0.005):
        with attempt:
            return await transaction()
    raise AssertionError("the last attempt returns or raises")


async def _ids(
    connection: Connection, graph_id: int, keys: dict[_Key, Identity], at_ms: int
) -> dict[Identity, int]:
    """Give the id of each identity: the graph's, else below 0 that of the record's own dictionary."""
    found: dict[Identity, int] = {}
    rows = await connection.fetch(call_statements.IDENTITY_IDS, graph_id, *_columns(keys))
    for kind, key, number in rows:
        found[keys[kind, key]] = number
    # in order, so that nodes which write the same wait for each other one way round
    unknown = sorted(key for key, identity in keys.items() if identity not in found)
    if unknown:
        value_ids = list(islice(call_ids(at_ms), len(unknown)))
        values = [keys[key].value.encode() for key in unknown]
        rows = await connection.fetch(
            call_statements.KEEP_VALUES, graph_id, at_ms, value_ids, *_columns(unknown), values
        )
        for kind, key, number in rows:
            found[keys[kind, key]] = -number
    return found


async def _forget(connection: Connection, graph_id: int, mpids: list[Mpid], asked: Iterable[_Key]) -> None:
    bodies = await connection.fetch(call_statements.CALLS_OF, graph_id, mpids)
    named = {number for (body,) in bodies for number in unknown_ids(body)}
    rows = await connection.fetch(call_statements.VALUES_BY_ID, graph_id, list(named))
    rows += await connection.fetch(call_statements.VALUE_IDS, graph_id, *_columns(asked))
    keys = {(kind, key): number for kind, key, number in rows}
    for kind, key in await connection.fetch(call_statements.HELD, graph_id, *_columns(keys), mpids):
        keys.pop((kind, key))
    await connection.execute(call_statements.EMPTY_VALUES, graph_id, sorted(keys.values()))


async def _drop(connection: Connection, graph_id: int, before_ms: int) -> bool:
    """Remove some of what is older; says whether there may be more."""
    before = first_call_id(before_ms)
    found = await connection.fetchrow(call_statements.DROP_CALLS, graph_id, before, _DROPPED_AT_ONCE)
    assert found is not None
    count, last = found
    if count:
        await connection.execute(call_statements.NOTHING_UP_TO, graph_id, last)
        return True
    asked = (graph_id, before, before_ms, _DROPPED_AT_ONCE)
    return bool(await connection.fetchval(call_statements.DROP_VALUES, *asked))


def _columns(keys: Iterable[_Key]) -> tuple[list[int], list[bytes]]:
    pairs = list(keys)
    return [kind for kind, _ in pairs], [key for _, key in pairs]
