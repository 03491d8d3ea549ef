"""Events in a schema of their own, in the PostgreSQL that has the graph; any number of nodes share it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Self, TypeVar

import asyncpg
import structlog

from idsync.model.errors import StoreError, UnavailableError
from idsync.model.events import Channel, ListedEvent, Position, RefusedBatch, Stored
from idsync.model.identity import Mpid
from idsync.pipeline.store.postgres_dead_letters import PostgresDeadLetters
from idsync.pipeline.store.postgres_queue import PostgresQueue
from idsync.pipeline.store.postgres_schema import prepare
from idsync.pipeline.store.protocol import KEPT_REFUSED, AttributedBatch

__all__ = ["PostgresEventStore"]

T = TypeVar("T")

_CONNECTIONS: Final = 8
_WAIT_S: Final = 10.0
"""How long one call may take, waiting for a connection included, in seconds."""
_TRIES: Final = 5
_LAST: Final = Position((1 << 63) - 1, (1 << 63) - 1)
_RACES: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_FAULTS: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

_ADD_BATCH: Final = """
INSERT INTO idsync_events.batch
  (workspace, input_key, request_id, mpid, environment, channel, received_ms, dropped_events, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING batch_id
"""
_ADD_EVENT: Final = """
INSERT INTO idsync_events.event
  (batch_id, workspace, input_key, mpid, type, name, timestamp_ms, message_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
"""
_HOLDS: Final = """
SELECT true FROM idsync_events.batch WHERE workspace = $1 AND input_key = $2 AND request_id = $3
"""
_EVENTS: Final = """
SELECT timestamp_ms, event_id, type, name FROM idsync_events.event
WHERE mpid = $1 AND (timestamp_ms, event_id) < ($2, $3) AND ($4::text IS NULL OR workspace = $4)
ORDER BY timestamp_ms DESC, event_id DESC LIMIT $5
"""
# the two ends, since counting would visit every row
_BACKLOG: Final = """
SELECT coalesce((SELECT max(batch_id) FROM idsync_events.queue) -
                (SELECT min(batch_id) FROM idsync_events.queue) + 1, 0)
"""
_DOCUMENTS: Final = "SELECT workspace, document FROM idsync_events.profile WHERE mpid = $1"
_ADD_REFUSED: Final = """
INSERT INTO idsync_events.refused (workspace, input_key, channel, cause, received_ms, body)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_FORGET_REFUSED: Final = """
DELETE FROM idsync_events.refused WHERE workspace = $1 AND refused_id <= (
  SELECT refused_id FROM idsync_events.refused WHERE workspace = $1
  ORDER BY refused_id DESC LIMIT 1 OFFSET $2
)
"""
_REFUSED: Final = """
SELECT workspace, input_key, channel, cause, received_ms, body FROM idsync_events.refused
WHERE $1::text IS NULL OR workspace = $1 ORDER BY refused_id DESC LIMIT $2
"""

_log = structlog.get_logger("idsync.pipeline")


class PostgresEventStore:
    """An `EventStore` on a server, which several nodes share.

    Attributes:
        queue: What is kept and not yet processed.
        dead_letters: What was given up.
    """

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        """Take over what `open` made."""
        self._pool = pool
        self.queue = PostgresQueue(self._run)
        self.dead_letters = PostgresDeadLetters(self._run)

    @classmethod
    async def open(cls, connect: Callable[..., Awaitable[Any]]) -> Self:
        """Open the database, which gets the tables if it has none; any node may come first.

        Args:
            connect: Connects to the server that takes writes, with arguments for asyncpg by name.

        Raises:
            StoreError: It cannot be reached or written, or is of another version.
        """

        async def connected(*_dsn: object, **more: object) -> Any:
            return await connect(**more)

        try:
            pool = await asyncpg.create_pool(
                connect=connected, min_size=1, max_size=_CONNECTIONS, command_timeout=_WAIT_S
            )
            try:
                await prepare(pool)
            except BaseException:
                await pool.close()
                raise
        except _FAULTS as error:
            raise StoreError(f"the events cannot be kept in the database: {type(error).__name__}") from error
        return cls(pool)

    async def append(
        self, batches: Sequence[AttributedBatch], refused: Sequence[RefusedBatch] = ()
    ) -> list[Stored]:
        """Keep what one request brought; see `EventStore.append`."""

        async def write(connection: Any) -> list[Stored]:
            async with connection.transaction():
                for each in refused:
                    await _refuse(connection, each)
                return [await _append(connection, each) for each in batches]

        return await self._run(write)

    async def holds(self, workspace: str, input_key: str, request_id: str) -> bool:
        """Say whether a batch is kept; see `EventStore.holds`."""
        return bool(await self._fetch(_HOLDS, workspace, input_key, _storable(request_id)))

    async def backlog(self) -> int:
        """Say how much waits; see `EventStore.backlog`."""
        ((queued,),) = await self._fetch(_BACKLOG)
        return int(queued)

    async def documents_of(self, mpid: Mpid) -> dict[str, bytes]:
        """Read a profile; see `EventStore.documents_of`."""
        return dict(await self._fetch(_DOCUMENTS, mpid))

    async def events_of(
        self, mpid: Mpid, workspace: str | None, before: Position | None, limit: int
    ) -> list[ListedEvent]:
        """List a profile's events; see `EventStore.events_of`."""
        place = _LAST if before is None else before
        rows = await self._fetch(_EVENTS, mpid, *place, workspace, limit)
        return [ListedEvent(Position(when, number), kind, name, mpid) for when, number, kind, name in rows]

    async def refused(self, workspace: str | None, limit: int) -> list[RefusedBatch]:
        """List what was refused last; see `EventStore.refused`."""
        rows = await self._fetch(_REFUSED, workspace, limit)
        return [
            RefusedBatch(whose, key, Channel(channel), cause, received_ms, body)
            for whose, key, channel, cause, received_ms, body in rows
        ]

    async def close(self) -> None:
        """End what runs; see `EventStore.close`."""
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def _fetch(self, statement: str, *values: object) -> list[Any]:
        async def read(connection: Any) -> list[Any]:
            rows: list[Any] = await connection.fetch(statement, *values)
            return rows

        return await self._run(read)

    async def _run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do something on a connection, anew where others raced.

        Raises:
            UnavailableError: The server is away, or did not answer in time.
        """
        try:
            async with asyncio.timeout(_WAIT_S):
                for _ in range(_TRIES):
                    try:
                        async with self._pool.acquire() as connection:
                            return await work(connection)
                    except _RACES:
                        continue
        except _FAULTS as error:
            _log.error("events_database", error=type(error).__name__)
            raise UnavailableError("the database of the events is not available") from None
        raise UnavailableError("too many writers raced for the same events")


async def _refuse(connection: Any, refused: RefusedBatch) -> None:
    await connection.execute(
        _ADD_REFUSED,
        refused.workspace,
        refused.input_key,
        refused.channel.value,
        refused.cause,
        refused.received_ms,
        refused.body,
    )
    await connection.execute(_FORGET_REFUSED, refused.workspace, KEPT_REFUSED)


async def _append(connection: Any, attributed: AttributedBatch) -> Stored:
    batch = attributed.batch
    whose = (attributed.workspace, attributed.input_key)
    batch_id = await connection.fetchval(
        _ADD_BATCH,
        *whose,
        _storable(batch.request_id) or None,
        attributed.mpid,
        batch.environment.value,
        batch.channel.value,
        attributed.received_ms,
        batch.dropped_events,
        batch.body,
    )
    if batch_id is None:
        return Stored.DUPLICATE
    await connection.executemany(
        _ADD_EVENT,
        [
            (
                batch_id,
                *whose,
                attributed.mpid,
                _storable(event.type),
                _storable(event.name),
                attributed.received_ms if event.timestamp_ms is None else event.timestamp_ms,
                _storable(event.message_id) or None,
            )
            for event in batch.events
        ],
    )
    return Stored.ACCEPTED


def _storable(text: str) -> str:
    """Give a text that PostgreSQL can hold: all but one character."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
