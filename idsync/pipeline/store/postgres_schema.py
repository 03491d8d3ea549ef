"""The tables of events on PostgreSQL, and how a database of an earlier version gets what came later."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from idsync.model.errors import StoreError

__all__ = ["prepare"]

_VERSION: Final = 2
_TRIES: Final = 20
_MADE_MEANWHILE: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.DuplicateObjectError,
    asyncpg.DuplicateTableError,
    asyncpg.DuplicateFunctionError,
    asyncpg.InternalServerError,
)
"""Raised where two nodes make the same at once; what the other made is there once it has committed."""

_TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS idsync_events;
CREATE TABLE IF NOT EXISTS idsync_events.version (version integer PRIMARY KEY);
CREATE TABLE IF NOT EXISTS idsync_events.batch (
  batch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace text NOT NULL,
  input_key text NOT NULL,
  request_id text,
  mpid bigint NOT NULL,
  environment smallint NOT NULL,
  channel text NOT NULL,
  received_ms bigint NOT NULL,
  dropped_events integer NOT NULL,
  body bytea NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS batch_request
  ON idsync_events.batch (workspace, input_key, request_id) WHERE request_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS idsync_events.event (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  batch_id bigint NOT NULL,
  workspace text NOT NULL,
  input_key text NOT NULL,
  mpid bigint NOT NULL,
  type text NOT NULL,
  name text NOT NULL,
  timestamp_ms bigint NOT NULL,
  message_id text
);
CREATE INDEX IF NOT EXISTS event_profile ON idsync_events.event (mpid, timestamp_ms, event_id);
CREATE UNIQUE INDEX IF NOT EXISTS event_message
  ON idsync_events.event (workspace, input_key, type, message_id) WHERE message_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS idsync_events.refused (
  refused_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace text NOT NULL,
  input_key text NOT NULL,
  channel text NOT NULL,
  cause text NOT NULL,
  received_ms bigint NOT NULL,
  body bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS refused_workspace ON idsync_events.refused (workspace, refused_id);
"""
# The database itself queues what is kept: no node can forget it, nor can one of version 1 that still runs.
_QUEUE: Final = """
CREATE TABLE IF NOT EXISTS idsync_events.queue (batch_id bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS idsync_events.hold (
  mpid bigint PRIMARY KEY, due_ms bigint NOT NULL, attempts integer NOT NULL, cause text NOT NULL
);
CREATE INDEX IF NOT EXISTS hold_due ON idsync_events.hold (due_ms);
CREATE TABLE IF NOT EXISTS idsync_events.held (
  mpid bigint NOT NULL, batch_id bigint NOT NULL, PRIMARY KEY (mpid, batch_id)
);
CREATE TABLE IF NOT EXISTS idsync_events.dead_letter (
  batch_id bigint PRIMARY KEY,
  workspace text NOT NULL,
  cause text NOT NULL,
  attempts integer NOT NULL,
  died_ms bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS dead_letter_workspace ON idsync_events.dead_letter (workspace, batch_id);
CREATE TABLE IF NOT EXISTS idsync_events.correction (batch_id bigint PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE IF NOT EXISTS idsync_events.profile (
  mpid bigint NOT NULL, workspace text NOT NULL, document bytea NOT NULL, PRIMARY KEY (mpid, workspace)
);
CREATE TABLE IF NOT EXISTS idsync_events.lead (
  one boolean PRIMARY KEY CHECK (one), owner text NOT NULL, until_time timestamptz NOT NULL
);
INSERT INTO idsync_events.lead VALUES (true, '', '-infinity') ON CONFLICT DO NOTHING;
CREATE OR REPLACE FUNCTION idsync_events.put_into_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO idsync_events.queue VALUES (NEW.batch_id);
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS batch_queued ON idsync_events.batch;
CREATE TRIGGER batch_queued AFTER INSERT ON idsync_events.batch
  FOR EACH ROW EXECUTE FUNCTION idsync_events.put_into_queue();
"""
_MARK: Final = "INSERT INTO idsync_events.version VALUES ($1) ON CONFLICT DO NOTHING"
_NEWEST: Final = "SELECT max(version) FROM idsync_events.version"
_ALONE: Final = "SELECT version FROM idsync_events.version WHERE version = 1 FOR UPDATE"
_FILL: Final = """
INSERT INTO idsync_events.queue SELECT batch_id FROM idsync_events.batch ON CONFLICT DO NOTHING
"""


async def prepare(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Make what is missing; any number of nodes may do so at once.

    Raises:
        StoreError: The tables are of a later version.
    """
    async with pool.acquire() as connection:
        await _make(connection, _TABLES, 1)
        newest = await connection.fetchval(_NEWEST)
        if newest == 1:
            # Two steps: with the trigger there, nodes of version 1 go on while all that was kept is queued.
            await _make(connection, _QUEUE)
            await _fill(connection)
            newest = await connection.fetchval(_NEWEST)
    if newest != _VERSION:
        raise StoreError("the tables of the events are of another version of idsync")


async def _make(connection: Any, statements: str, version: int | None = None) -> None:
    for attempt in range(_TRIES):
        try:
            async with connection.transaction():
                await connection.execute(statements)
                if version is not None:
                    await connection.execute(_MARK, version)
        except _MADE_MEANWHILE:
            if attempt == _TRIES - 1:
                raise
        else:
            return


async def _fill(connection: Any) -> None:
    """Queue what was accepted before there was a queue, once: a second time it would be processed again."""
    async with connection.transaction():
        await connection.fetchval(_ALONE)
        if await connection.fetchval(_NEWEST) == 1:
            await connection.execute(_FILL)
            await connection.execute(_MARK, _VERSION)
