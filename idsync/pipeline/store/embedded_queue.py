"""The queue of an SQLite file: one process works on it, and its writes join those of the intake."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from idsync.pipeline.store.group_writer import GroupWriter
from idsync.pipeline.store.work import (
    HELD_OF_ONE,
    DocumentKey,
    Figures,
    OvertakenError,
    QueuedBatch,
    Settlement,
    batch_of,
)

__all__ = ["EmbeddedQueue", "Read"]

T = TypeVar("T")
Read: TypeAlias = Callable[[Callable[[sqlite3.Connection], T]], Awaitable[T]]
"""Runs what reads, away from the loop."""

_DUE: Final = "SELECT mpid, attempts FROM hold WHERE due_ms <= ? ORDER BY due_ms LIMIT ?"
_HELD: Final = """
SELECT b.batch_id, b.workspace, b.input_key, b.mpid, b.environment, b.channel, b.received_ms,
  coalesce(c.body, b.body)
FROM held h CROSS JOIN batch b ON b.batch_id = h.batch_id
LEFT JOIN correction c ON c.batch_id = b.batch_id
WHERE h.mpid = ? ORDER BY h.batch_id LIMIT ?
"""
_FRESH: Final = """
SELECT b.batch_id, b.workspace, b.input_key, b.mpid, b.environment, b.channel, b.received_ms,
  coalesce(c.body, b.body), o.mpid IS NOT NULL
FROM queue q CROSS JOIN batch b ON b.batch_id = q.batch_id
LEFT JOIN correction c ON c.batch_id = b.batch_id
LEFT JOIN hold o ON o.mpid = b.mpid
ORDER BY q.batch_id LIMIT ?
"""
_DOCUMENT: Final = "SELECT document FROM profile WHERE mpid = ? AND workspace = ?"
_WRITE_DOCUMENT: Final = """
INSERT INTO profile VALUES (?, ?, ?) ON CONFLICT (mpid, workspace) DO UPDATE SET document = excluded.document
"""
_HOLD: Final = """
INSERT INTO hold VALUES (?, ?, ?, ?) ON CONFLICT (mpid) DO UPDATE
SET due_ms = excluded.due_ms, attempts = excluded.attempts, cause = excluded.cause
"""
_DIE: Final = "INSERT INTO dead_letter (batch_id, workspace, cause, attempts, died_ms) VALUES (?, ?, ?, ?, ?)"
_FIGURES: Final = """
SELECT (SELECT count(*) FROM queue), (SELECT count(*) FROM held), (SELECT count(*) FROM dead_letter)
"""


class EmbeddedQueue:
    """A `BatchQueue` on one file; the lock of the graph beside it says that there is one process for it."""

    def __init__(self, writer: GroupWriter, read: Read[Any]) -> None:
        """Share the connections of an `EmbeddedEventStore`."""
        self._writer = writer
        self._read = read

    async def lead(self) -> bool:
        """Say that nobody else works on it; see `BatchQueue.lead`."""
        return True

    async def next(self, limit: int, now_ms: int) -> list[QueuedBatch]:
        """Look at what is next; see `BatchQueue.next`."""

        def read(connection: sqlite3.Connection) -> list[QueuedBatch]:
            found = [
                batch_of(row, attempts=attempts, is_held=True)
                for mpid, attempts in connection.execute(_DUE, (now_ms, limit)).fetchall()
                for row in connection.execute(_HELD, (mpid, HELD_OF_ONE))
            ]
            found.extend(
                batch_of(row, is_blocked=bool(row[8])) for row in connection.execute(_FRESH, (limit,))
            )
            return found

        batches: list[QueuedBatch] = await self._read(read)
        return batches

    async def documents(self, keys: Sequence[DocumentKey]) -> Mapping[DocumentKey, bytes]:
        """Read parts of profiles; see `BatchQueue.documents`."""

        def read(connection: sqlite3.Connection) -> dict[DocumentKey, bytes]:
            return {
                key: row[0]
                for key in keys
                if (row := connection.execute(_DOCUMENT, key).fetchone()) is not None
            }

        found: dict[DocumentKey, bytes] = await self._read(read)
        return found

    async def settle(self, settlement: Settlement) -> None:
        """Write what became of batches; see `BatchQueue.settle`."""

        def write(connection: sqlite3.Connection) -> None:
            _settle(connection, settlement)

        await self._writer.run(write)

    async def figures(self) -> Figures:
        """Count what waits; see `BatchQueue.figures`."""

        def read(connection: sqlite3.Connection) -> Figures:
            return Figures(*connection.execute(_FIGURES).fetchone())

        counted: Figures = await self._read(read)
        return counted


def _settle(connection: sqlite3.Connection, settlement: Settlement) -> None:
    leaving = [*settlement.done, *(death.batch for death in settlement.dead)]
    fresh = [(each.batch_id,) for each in [*leaving, *settlement.waiting] if not each.is_held]
    held = [(each.mpid, each.batch_id) for each in leaving if each.is_held]
    gone = connection.executemany("DELETE FROM queue WHERE batch_id = ?", fresh).rowcount if fresh else 0
    if held:
        gone += connection.executemany("DELETE FROM held WHERE mpid = ? AND batch_id = ?", held).rowcount
    if gone != len(fresh) + len(held):
        raise OvertakenError("the queue was worked on by somebody else")
    connection.executemany(
        "INSERT INTO held VALUES (?, ?)",
        [(each.mpid, each.batch_id) for each in settlement.waiting if not each.is_held],
    )
    connection.executemany(
        _WRITE_DOCUMENT, [(*key, document) for key, document in settlement.documents.items()]
    )
    for batch, mpid in settlement.moved:
        connection.execute("UPDATE batch SET mpid = ? WHERE batch_id = ?", (mpid, batch.batch_id))
        connection.execute(
            "UPDATE event SET mpid = ?1 WHERE mpid = ?2 AND batch_id = ?3", (mpid, batch.mpid, batch.batch_id)
        )
    connection.executemany(
        _HOLD, [(each.mpid, each.due_ms, each.attempts, each.cause) for each in settlement.holds]
    )
    for mpid in settlement.freed:
        connection.execute("UPDATE hold SET due_ms = 0, attempts = 0 WHERE mpid = ?", (mpid,))
        connection.execute(
            "DELETE FROM hold WHERE mpid = ?1 AND NOT EXISTS (SELECT 1 FROM held WHERE mpid = ?1)", (mpid,)
        )
    connection.executemany(
        _DIE,
        [
            (death.batch.batch_id, death.batch.workspace, death.cause, death.batch.attempts + 1, death.at_ms)
            for death in settlement.dead
        ],
    )
