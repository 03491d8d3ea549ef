"""Database and log belong together: a number that both carry says so, and their row numbers never part."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from secrets import randbelow

from idsync.model.errors import StoreError
from idsync.store.embedded.log import connect, log_path

__all__ = ["require_paired"]


def require_paired(database: Path) -> None:
    """Make sure that the log beside a database is its own; one that is new or was lost is made so.

    Raises:
        StoreError: The log belongs to another database; nothing was changed.
        sqlite3.Error: One of them cannot be used.
    """
    tables = sqlite3.connect(database, isolation_level=None)
    try:
        log = connect(log_path(database))
        try:
            _pair(tables, log)
            _continue(tables, log)
        finally:
            log.close()
    finally:
        tables.close()


def _pair(tables: sqlite3.Connection, log: sqlite3.Connection) -> None:
    ours, theirs = (one.execute("PRAGMA user_version").fetchone()[0] for one in (tables, log))
    if ours == theirs != 0:
        return
    # without a number on either side they are of a version that gave none
    if ours != theirs and log.execute("SELECT 1 FROM log LIMIT 1").fetchone() is not None:
        raise StoreError("the log beside the database belongs to another database")
    number = ours or theirs or 1 + randbelow((1 << 31) - 1)
    log.execute(f"PRAGMA user_version = {number}")
    tables.execute(f"PRAGMA user_version = {number}")


def _continue(tables: sqlite3.Connection, log: sqlite3.Connection) -> None:
    """Give no number again that the tables have passed: the fold would pass over what it stands for."""
    row = tables.execute("SELECT log_id FROM fold_position").fetchone()
    last = log.execute("SELECT seq FROM sqlite_sequence WHERE name = 'log'").fetchone()
    if row is not None and (last is None or last[0] < row[0]):
        log.execute("BEGIN IMMEDIATE")
        log.execute("INSERT INTO log (id, body) VALUES (?, x'')", row)
        log.execute("DELETE FROM log WHERE id = ?", row)
        log.execute("COMMIT")
