"""The queue on PostgreSQL: one node at a time works on it, and another takes over where it is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from secrets import token_urlsafe
from typing import Any, Final, TypeAlias, TypeVar

from idsync.pipeline.store.work import (
    HELD_OF_ONE,
    DocumentKey,
    Figures,
    OvertakenError,
    QueuedBatch,
    Settlement,
    batch_of,
)

__all__ = ["PostgresQueue", "RunOn"]

T = TypeVar("T")
RunOn: TypeAlias = Callable[[Callable[[Any], Awaitable[T]]], Awaitable[T]]
"""Does something on a connection, anew where others raced."""

_LEAD_S: Final = 10.0
"""How long nobody else takes over from a node that says nothing, in seconds."""

# The clock is the database's, and every settlement locks the row: whoever was overtaken writes nothing.
_LEAD: Final = """
UPDATE idsync_events.lead SET owner = $1, until_time = clock_timestamp() + make_interval(secs => $2)
WHERE one AND (owner = $1 OR until_time < clock_timestamp())
"""
_DUE: Final = "SELECT mpid, attempts FROM idsync_events.hold WHERE due_ms <= $1 ORDER BY due_ms LIMIT $2"
_HELD: Final = """
SELECT b.batch_id, b.workspace, b.input_key, b.mpid, b.environment, b.channel, b.received_ms,
  coalesce(c.body, b.body)
FROM idsync_events.held h JOIN idsync_events.batch b ON b.batch_id = h.batch_id
LEFT JOIN idsync_events.correction c ON c.batch_id = b.batch_id
WHERE h.mpid = $1 ORDER BY h.batch_id LIMIT $2
"""
_FRESH: Final = """
SELECT b.batch_id, b.workspace, b.input_key, b.mpid, b.environment, b.channel, b.received_ms,
  coalesce(c.body, b.body), o.mpid IS NOT NULL
FROM (SELECT batch_id FROM idsync_events.queue ORDER BY batch_id LIMIT $1) q
JOIN idsync_events.batch b ON b.batch_id = q.batch_id
LEFT JOIN idsync_events.correction c ON c.batch_id = b.batch_id
LEFT JOIN idsync_events.hold o ON o.mpid = b.mpid
ORDER BY b.batch_id
"""
_DOCUMENTS: Final = """
SELECT p.mpid, p.workspace, p.document
FROM unnest($1::bigint[], $2::text[]) AS wanted (mpid, workspace)
JOIN idsync_events.profile p ON p.mpid = wanted.mpid AND p.workspace = wanted.workspace
"""
_LEAVE_QUEUE: Final = "DELETE FROM idsync_events.queue WHERE batch_id = ANY($1::bigint[])"
_LEAVE_HELD: Final = """
DELETE FROM idsync_events.held h USING unnest($1::bigint[], $2::bigint[]) AS gone (mpid, batch_id)
WHERE h.mpid = gone.mpid AND h.batch_id = gone.batch_id
"""
_WAIT: Final = "INSERT INTO idsync_events.held SELECT * FROM unnest($1::bigint[], $2::bigint[])"
_WRITE_DOCUMENTS: Final = """
INSERT INTO idsync_events.profile SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])
ON CONFLICT (mpid, workspace) DO UPDATE SET document = excluded.document
"""
_MOVE_BATCH: Final = "UPDATE idsync_events.batch SET mpid = $1 WHERE batch_id = $2"
_MOVE_EVENTS: Final = "UPDATE idsync_events.event SET mpid = $1 WHERE mpid = $2 AND batch_id = $3"
_HOLD: Final = """
INSERT INTO idsync_events.hold VALUES ($1, $2, $3, $4) ON CONFLICT (mpid) DO UPDATE
SET due_ms = excluded.due_ms, attempts = excluded.attempts, cause = excluded.cause
"""
_DUE_AT_ONCE: Final = "UPDATE idsync_events.hold SET due_ms = 0, attempts = 0 WHERE mpid = $1"
_FREE: Final = """
DELETE FROM idsync_events.hold
WHERE mpid = $1 AND NOT EXISTS (SELECT 1 FROM idsync_events.held WHERE mpid = $1)
"""
_DIE: Final = """
INSERT INTO idsync_events.dead_letter (batch_id, workspace, cause, attempts, died_ms)
VALUES ($1, $2, $3, $4, $5)
"""
_FIGURES: Final = """
SELECT (SELECT count(*) FROM idsync_events.queue), (SELECT count(*) FROM idsync_events.held),
  (SELECT count(*) FROM idsync_events.dead_letter)
"""


class PostgresQueue:
    """A `BatchQueue` on a server."""

    def __init__(self, run: RunOn[Any]) -> None:
        """Share the connections of a `PostgresEventStore`."""
        self._run = run
        self._owner = token_urlsafe()

    async def lead(self) -> bool:
        """Become or remain the one who works on it; see `BatchQueue.lead`."""

        async def take(connection: Any) -> bool:
            return await _leads(connection, self._owner)

        is_leading: bool = await self._run(take)
        return is_leading

    async def next(self, limit: int, now_ms: int) -> list[QueuedBatch]:
        """Look at what is next; see `BatchQueue.next`."""

        async def read(connection: Any) -> list[QueuedBatch]:
            found = [
                batch_of(row, attempts=attempts, is_held=True)
                for mpid, attempts in await connection.fetch(_DUE, now_ms, limit)
                for row in await connection.fetch(_HELD, mpid, HELD_OF_ONE)
            ]
            found.extend(batch_of(row, is_blocked=row[8]) for row in await connection.fetch(_FRESH, limit))
            return found

        batches: list[QueuedBatch] = await self._run(read)
        return batches

    async def documents(self, keys: Sequence[DocumentKey]) -> Mapping[DocumentKey, bytes]:
        """Read parts of profiles; see `BatchQueue.documents`."""

        async def read(connection: Any) -> dict[DocumentKey, bytes]:
            columns = [mpid for mpid, _ in keys], [workspace for _, workspace in keys]
            return {(row[0], row[1]): row[2] for row in await connection.fetch(_DOCUMENTS, *columns)}

        found: dict[DocumentKey, bytes] = await self._run(read)
        return found

    async def settle(self, settlement: Settlement) -> None:
        """Write what became of batches; see `BatchQueue.settle`."""

        async def write(connection: Any) -> None:
            async with connection.transaction():
                if not await _leads(connection, self._owner):
                    raise OvertakenError("another node works on the queue")
                await _settle(connection, settlement)

        await self._run(write)

    async def figures(self) -> Figures:
        """Count what waits; see `BatchQueue.figures`."""

        async def read(connection: Any) -> Figures:
            return Figures(*await connection.fetchrow(_FIGURES))

        counted: Figures = await self._run(read)
        return counted


async def _leads(connection: Any, owner: str) -> bool:
    return _count(await connection.execute(_LEAD, owner, _LEAD_S)) == 1


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])


async def _settle(connection: Any, settlement: Settlement) -> None:
    leaving = [*settlement.done, *(death.batch for death in settlement.dead)]
    fresh = [each.batch_id for each in [*leaving, *settlement.waiting] if not each.is_held]
    held = [each for each in leaving if each.is_held]
    waiting = [each for each in settlement.waiting if not each.is_held]
    gone = _count(await connection.execute(_LEAVE_QUEUE, fresh)) if fresh else 0
    if held:
        columns = [each.mpid for each in held], [each.batch_id for each in held]
        gone += _count(await connection.execute(_LEAVE_HELD, *columns))
    if gone != len(fresh) + len(held):
        raise OvertakenError("the queue was worked on by somebody else")
    if waiting:
        columns = [each.mpid for each in waiting], [each.batch_id for each in waiting]
        await connection.execute(_WAIT, *columns)
    if settlement.documents:
        await connection.execute(
            _WRITE_DOCUMENTS,
            [mpid for mpid, _ in settlement.documents],
            [workspace for _, workspace in settlement.documents],
            list(settlement.documents.values()),
        )
    for batch, mpid in settlement.moved:
        await connection.execute(_MOVE_BATCH, mpid, batch.batch_id)
        await connection.execute(_MOVE_EVENTS, mpid, batch.mpid, batch.batch_id)
    for hold in settlement.holds:
        await connection.execute(_HOLD, hold.mpid, hold.due_ms, hold.attempts, hold.cause)
    for mpid in settlement.freed:
        await connection.execute(_DUE_AT_ONCE, mpid)
        await connection.execute(_FREE, mpid)
    for death in settlement.dead:
        each = death.batch
        await connection.execute(
            _DIE, each.batch_id, each.workspace, death.cause, each.attempts + 1, death.at_ms
        )
