"""Events in an SQLite file of their own, beside that of the graph."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from idsync.model.errors import UnavailableError
from idsync.model.events import Channel, ListedEvent, Position, RefusedBatch, Stored
from idsync.model.identity import Mpid
from idsync.pipeline.store.embedded_dead_letters import EmbeddedDeadLetters
from idsync.pipeline.store.embedded_queue import EmbeddedQueue
from idsync.pipeline.store.group_writer import GroupWriter
from idsync.pipeline.store.protocol import KEPT_REFUSED, AttributedBatch
from idsync.pipeline.store.schema import connect

__all__ = ["EmbeddedEventStore"]

T = TypeVar("T")

_LAST: Final = Position((1 << 63) - 1, (1 << 63) - 1)

_ADD_BATCH: Final = """
INSERT INTO batch
  (workspace, input_key, request_id, mpid, environment, channel, received_ms, dropped_events, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_ADD_EVENT: Final = """
INSERT INTO event (batch_id, workspace, input_key, mpid, type, name, timestamp_ms, message_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_HOLDS: Final = "SELECT 1 FROM batch WHERE workspace = ? AND input_key = ? AND request_id = ?"
_EVENTS: Final = """
SELECT timestamp_ms, event_id, type, name FROM event
WHERE mpid = ?1 AND (timestamp_ms, event_id) < (?2, ?3) AND (?4 IS NULL OR workspace = ?4)
ORDER BY timestamp_ms DESC, event_id DESC LIMIT ?5
"""
# the two ends, since counting would visit every row
_BACKLOG: Final = (
    "SELECT ifnull((SELECT max(batch_id) FROM queue) - (SELECT min(batch_id) FROM queue) + 1, 0)"
)
_DOCUMENTS: Final = "SELECT workspace, document FROM profile WHERE mpid = ?"
_ADD_REFUSED: Final = """
INSERT INTO refused (workspace, input_key, channel, cause, received_ms, body) VALUES (?, ?, ?, ?, ?, ?)
"""
_FORGET_REFUSED: Final = """
DELETE FROM refused WHERE workspace = ?1 AND refused_id <= (
  SELECT refused_id FROM refused WHERE workspace = ?1 ORDER BY refused_id DESC LIMIT 1 OFFSET ?2
)
"""
_REFUSED: Final = """
SELECT workspace, input_key, channel, cause, received_ms, body FROM refused
WHERE ?1 IS NULL OR workspace = ?1 ORDER BY refused_id DESC LIMIT ?2
"""


class EmbeddedEventStore:
    """An `EventStore` on one file, which several processes of one service may share.

    Attributes:
        queue: What is kept and not yet processed.
        dead_letters: What was given up.
    """

    def __init__(self, writer: GroupWriter, reader: sqlite3.Connection) -> None:
        """Take over what `open` made."""
        self._writer = writer
        self._reader = reader
        self._reading = asyncio.Lock()
        self.queue = EmbeddedQueue(writer, self._run)
        self.dead_letters = EmbeddedDeadLetters(writer, self._run)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file, which is made if it does not exist.

        Raises:
            StoreError: It cannot be used.
        """
        writer = connect(path)
        try:
            reader = connect(path)
        except BaseException:
            writer.close()
            raise
        return cls(GroupWriter(writer), reader)

    async def append(
        self, batches: Sequence[AttributedBatch], refused: Sequence[RefusedBatch] = ()
    ) -> list[Stored]:
        """Keep what one request brought; see `EventStore.append`."""

        def write(connection: sqlite3.Connection) -> list[Stored]:
            for each in refused:
                _refuse(connection, each)
            return [_append(connection, each) for each in batches]

        return await self._writer.run(write)

    async def holds(self, workspace: str, input_key: str, request_id: str) -> bool:
        """Say whether a batch is kept; see `EventStore.holds`."""
        return bool(await self._read(_HOLDS, (workspace, input_key, request_id)))

    async def backlog(self) -> int:
        """Say how much waits; see `EventStore.backlog`."""
        ((queued,),) = await self._read(_BACKLOG, ())
        return int(queued)

    async def documents_of(self, mpid: Mpid) -> dict[str, bytes]:
        """Read a profile; see `EventStore.documents_of`."""
        return dict(await self._read(_DOCUMENTS, (mpid,)))

    async def events_of(
        self, mpid: Mpid, workspace: str | None, before: Position | None, limit: int
    ) -> list[ListedEvent]:
        """List a profile's events; see `EventStore.events_of`."""
        place = _LAST if before is None else before
        rows = await self._read(_EVENTS, (mpid, *place, workspace, limit))
        return [ListedEvent(Position(when, number), kind, name, mpid) for when, number, kind, name in rows]

    async def refused(self, workspace: str | None, limit: int) -> list[RefusedBatch]:
        """List what was refused last; see `EventStore.refused`."""
        rows = await self._read(_REFUSED, (workspace, limit))
        return [
            RefusedBatch(whose, key, Channel(channel), cause, received_ms, body)
            for whose, key, channel, cause, received_ms, body in rows
        ]

    async def close(self) -> None:
        """End what runs; see `EventStore.close`."""
        await self._writer.close()
        async with self._reading:
            self._reader.close()

    async def _read(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        def read(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return connection.execute(statement, values).fetchall()

        return await self._run(read)

    async def _run(self, read: Callable[[sqlite3.Connection], T]) -> T:
        async with self._reading:
            try:
                # reads wait for the disk now and then, which the loop must not
                return await asyncio.to_thread(read, self._reader)
            except sqlite3.Error as error:
                raise UnavailableError("the events cannot be read now") from error


def _refuse(connection: sqlite3.Connection, refused: RefusedBatch) -> None:
    connection.execute(
        _ADD_REFUSED,
        (
            refused.workspace,
            refused.input_key,
            refused.channel.value,
            refused.cause,
            refused.received_ms,
            refused.body,
        ),
    )
    connection.execute(_FORGET_REFUSED, (refused.workspace, KEPT_REFUSED))


def _append(connection: sqlite3.Connection, attributed: AttributedBatch) -> Stored:
    batch = attributed.batch
    whose = (attributed.workspace, attributed.input_key)
    added = connection.execute(
        _ADD_BATCH,
        (
            *whose,
            batch.request_id or None,
            attributed.mpid,
            batch.environment.value,
            batch.channel.value,
            attributed.received_ms,
            batch.dropped_events,
            batch.body,
        ),
    )
    if not added.rowcount:
        return Stored.DUPLICATE
    connection.executemany(
        _ADD_EVENT,
        [
            (
                added.lastrowid,
                *whose,
                attributed.mpid,
                event.type,
                event.name,
                attributed.received_ms if event.timestamp_ms is None else event.timestamp_ms,
                event.message_id or None,
            )
            for event in batch.events
        ],
    )
    return Stored.ACCEPTED
