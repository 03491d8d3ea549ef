"""The log of the embedded store: committing a group of entries is appending one row to it.

The log is an SQLite file of its own. Its row numbers never return, also after the fold has emptied it
(AUTOINCREMENT): a number that came back would make the fold pass over answered writes.
"""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from idsync.model.errors import UnavailableError

__all__ = ["Log", "log_path", "read_groups"]

_BUSY_MS: Final = 10_000
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)"


def log_path(database: Path) -> Path:
    """Say where the log of a database lies."""
    return database.with_name(database.name + ".log")


def connect(path: Path) -> sqlite3.Connection:
    """Open the log; every commit reaches the disk before it returns."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1_000
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(_SCHEMA)
    return connection


def read_groups(connection: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Read at most `limit` groups that follow a position, in order."""
    return connection.execute(
        "SELECT id, body FROM log WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
    ).fetchall()


class Log:
    """Appends groups on a thread of its own, one after another.

    The thread spends its time waiting for the disk without the interpreter's lock, so the loop goes on.
    After a failed append nothing of it may remain: whatever it left behind is removed before the next one.
    """

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="idsync-log")
        self._last: int = self._connection.execute("SELECT coalesce(max(id), 0) FROM log").fetchone()[0]
        self._is_clean = True

    def append(self, body: bytes) -> Future[int]:
        """Begin to append a group; the result is its row number, once it is on disk.

        The future raises `UnavailableError` when the disk is full, read-only or broken.
        """
        return self._thread.submit(self._append, body)

    def forget(self, up_to: int) -> Future[None]:
        """Begin to remove groups that the tables contain, values and all."""
        return self._thread.submit(self._forget, up_to)

    def close(self) -> None:
        """Finish what was begun."""
        self._thread.shutdown()
        self._connection.close()

    def _append(self, body: bytes) -> int:
        try:
            if not self._is_clean:
                self._connection.execute("DELETE FROM log WHERE id > ?", (self._last,))
                self._is_clean = True
            row = self._connection.execute("INSERT INTO log (body) VALUES (?)", (body,)).lastrowid
        except sqlite3.Error as error:
            self._is_clean = False
            raise UnavailableError("the store cannot write; nothing was changed") from error
        assert row is not None
        self._last = row
        return row

    def _forget(self, up_to: int) -> None:
        try:
            self._connection.execute("DELETE FROM log WHERE id <= ?", (up_to,))
            if up_to >= self._last:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise UnavailableError("the store cannot write") from error
