"""The dead letters of an SQLite file."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from idsync.pipeline.store.embedded_queue import Read
from idsync.pipeline.store.group_writer import GroupWriter
from idsync.pipeline.store.work import DeadLetter, letter_of

__all__ = ["EmbeddedDeadLetters"]

_LIST: Final = """
SELECT d.batch_id, d.workspace, b.input_key, b.mpid, b.channel, d.cause, d.attempts, b.received_ms,
  d.died_ms, coalesce(c.body, b.body), c.body IS NOT NULL
FROM dead_letter d JOIN batch b ON b.batch_id = d.batch_id LEFT JOIN correction c ON c.batch_id = d.batch_id
WHERE (?1 IS NULL OR d.workspace = ?1) AND (?2 IS NULL OR d.batch_id < ?2)
ORDER BY d.batch_id DESC LIMIT ?3
"""
_CORRECT: Final = """
INSERT INTO correction SELECT batch_id, ?2 FROM dead_letter WHERE batch_id = ?1
ON CONFLICT (batch_id) DO UPDATE SET body = excluded.body
"""


class EmbeddedDeadLetters:
    """`DeadLetters` on one file."""

    def __init__(self, writer: GroupWriter, read: Read[Any]) -> None:
        """Share the connections of an `EmbeddedEventStore`."""
        self._writer = writer
        self._read = read

    async def list(self, workspace: str | None, limit: int, before: int | None = None) -> list[DeadLetter]:
        """List dead letters; see `DeadLetters.list`."""

        def read(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return connection.execute(_LIST, (workspace, before, limit)).fetchall()

        return [letter_of(row) for row in await self._read(read)]

    async def correct(self, batch_id: int, body: bytes) -> bool:
        """Replace what will be processed; see `DeadLetters.correct`."""

        def write(connection: sqlite3.Connection) -> bool:
            return connection.execute(_CORRECT, (batch_id, body)).rowcount > 0

        return await self._writer.run(write)

    async def send_again(self, batch_id: int) -> bool:
        """Put a dead letter back; see `DeadLetters.send_again`."""

        def write(connection: sqlite3.Connection) -> bool:
            if not connection.execute("DELETE FROM dead_letter WHERE batch_id = ?", (batch_id,)).rowcount:
                return False
            connection.execute("INSERT INTO queue VALUES (?)", (batch_id,))
            return True

        return await self._writer.run(write)
