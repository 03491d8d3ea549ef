"""The tables of the embedded event store."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from idsync.model.errors import StoreError
from idsync.pipeline.store.queue_schema import add_queue

__all__ = ["connect", "events_path"]

_APPLICATION_ID: Final = 0x49_44_45_56
"""Says in the file's header what it is: `IDEV`."""
_VERSION: Final = 2
_BUSY_S: Final = 5.0
"""How long a process waits for another that writes; a write takes milliseconds.

Shorter than anybody waits for a write, so that most hear what became of it.
"""
_GRAPH_FILE: Final = "idsync.db"

_TABLES: Final = """
CREATE TABLE batch (
  batch_id INTEGER PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  input_key TEXT NOT NULL,
  request_id TEXT,
  mpid INTEGER NOT NULL,
  environment INTEGER NOT NULL,
  channel TEXT NOT NULL,
  received_ms INTEGER NOT NULL,
  dropped_events INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX batch_request ON batch (workspace, input_key, request_id) WHERE request_id IS NOT NULL;

CREATE TABLE event (
  event_id INTEGER PRIMARY KEY AUTOINCREMENT,
  batch_id INTEGER NOT NULL,
  workspace TEXT NOT NULL,
  input_key TEXT NOT NULL,
  mpid INTEGER NOT NULL,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  message_id TEXT
) STRICT;
CREATE INDEX event_profile ON event (mpid, timestamp_ms, event_id);
CREATE UNIQUE INDEX event_message ON event (workspace, input_key, type, message_id)
  WHERE message_id IS NOT NULL;

CREATE TABLE refused (
  refused_id INTEGER PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,
  input_key TEXT NOT NULL,
  channel TEXT NOT NULL,
  cause TEXT NOT NULL,
  received_ms INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX refused_workspace ON refused (workspace, refused_id);
"""


def events_path(graph: Path) -> Path:
    """Say where the events of a graph's database lie: beside it, and nobody else's with them."""
    return graph.with_name("events.db" if graph.name == _GRAPH_FILE else f"{graph.stem}-events.db")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, which is made if it does not exist; every commit is on disk before it returns.

    Raises:
        StoreError: It is no such file, of a later version, damaged, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the file of the events cannot be opened: {error}") from error
    try:
        with _alone_in(path.parent):
            _prepare(connection)
    except (OSError, sqlite3.Error) as error:
        connection.close()
        raise StoreError(f"the file of the events cannot be used: {error}") from error
    except StoreError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not (application or version or tables):
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            version = 1
        elif application != _APPLICATION_ID:
            raise StoreError("the file of the events belongs to another program")
        elif not 1 <= version <= _VERSION:
            raise StoreError("the file of the events is of another version of idsync")
        if version == 1:
            add_queue(connection)
            connection.execute(f"PRAGMA user_version={_VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from preparing a file there: SQLite waits for nobody where two change its mode."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
