"""The dead letters on PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

from idsync.pipeline.store.postgres_queue import RunOn
from idsync.pipeline.store.work import DeadLetter, letter_of

__all__ = ["PostgresDeadLetters"]

_LIST: Final = """
SELECT d.batch_id, d.workspace, b.input_key, b.mpid, b.channel, d.cause, d.attempts, b.received_ms,
  d.died_ms, coalesce(c.body, b.body), c.body IS NOT NULL
FROM idsync_events.dead_letter d JOIN idsync_events.batch b ON b.batch_id = d.batch_id
LEFT JOIN idsync_events.correction c ON c.batch_id = d.batch_id
WHERE ($1::text IS NULL OR d.workspace = $1) AND ($2::bigint IS NULL OR d.batch_id < $2)
ORDER BY d.batch_id DESC LIMIT $3
"""
_CORRECT: Final = """
INSERT INTO idsync_events.correction
SELECT batch_id, $2 FROM idsync_events.dead_letter WHERE batch_id = $1
ON CONFLICT (batch_id) DO UPDATE SET body = excluded.body
"""
_SEND_AGAIN: Final = """
WITH letter AS (DELETE FROM idsync_events.dead_letter WHERE batch_id = $1 RETURNING batch_id)
INSERT INTO idsync_events.queue SELECT batch_id FROM letter
"""


class PostgresDeadLetters:
    """`DeadLetters` on a server."""

    def __init__(self, run: RunOn[Any]) -> None:
        """Share the connections of a `PostgresEventStore`."""
        self._run = run

    async def list(self, workspace: str | None, limit: int, before: int | None = None) -> list[DeadLetter]:
        """List dead letters; see `DeadLetters.list`."""

        async def read(connection: Any) -> list[DeadLetter]:
            return [letter_of(row) for row in await connection.fetch(_LIST, workspace, before, limit)]

        letters: list[DeadLetter] = await self._run(read)
        return letters

    async def correct(self, batch_id: int, body: bytes) -> bool:
        """Replace what will be processed; see `DeadLetters.correct`."""
        return await self._changes(_CORRECT, batch_id, body)

    async def send_again(self, batch_id: int) -> bool:
        """Put a dead letter back; see `DeadLetters.send_again`."""
        return await self._changes(_SEND_AGAIN, batch_id)

    async def _changes(self, statement: str, *values: object) -> bool:
        async def write(connection: Any) -> bool:
            status: str = await connection.execute(statement, *values)
            return not status.endswith(" 0")

        changed: bool = await self._run(write)
        return changed
