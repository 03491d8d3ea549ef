"""The tables of the embedded store that came with processing, version 2."""

from __future__ import annotations

import sqlite3
from typing import Final

__all__ = ["add_queue"]

_TABLES: Final = (
    "CREATE TABLE queue (batch_id INTEGER PRIMARY KEY) STRICT",
    # The file itself queues what is kept: no writer can forget it, and none pays for another statement.
    """
    CREATE TRIGGER batch_queued AFTER INSERT ON batch
    BEGIN INSERT INTO queue VALUES (new.batch_id); END
    """,
    """
    CREATE TABLE hold (
      mpid INTEGER PRIMARY KEY, due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, cause TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX hold_due ON hold (due_ms)",
    """
    CREATE TABLE held (
      mpid INTEGER NOT NULL, batch_id INTEGER NOT NULL, PRIMARY KEY (mpid, batch_id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE dead_letter (
      batch_id INTEGER PRIMARY KEY,
      workspace TEXT NOT NULL,
      cause TEXT NOT NULL,
      attempts INTEGER NOT NULL,
      died_ms INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX dead_letter_workspace ON dead_letter (workspace, batch_id)",
    "CREATE TABLE correction (batch_id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    """
    CREATE TABLE profile (
      mpid INTEGER NOT NULL, workspace TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (mpid, workspace)
    ) STRICT
    """,
    # what was accepted before there was a queue has its effects, too
    "INSERT INTO queue SELECT batch_id FROM batch",
)


def add_queue(connection: sqlite3.Connection) -> None:
    """Bring a file of version 1 to version 2, within the caller's transaction."""
    for statement in _TABLES:
        connection.execute(statement)
