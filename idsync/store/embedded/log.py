"""The log of the embedded store: committing a group of entries is appending one row to it.

The log is an SQLite file of its own. Its row numbers never return, also after the fold has emptied it
(AUTOINCREMENT): a number that came back would make the fold pass over answered writes.
"""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Final

from idsync.model.errors import UnavailableError
from idsync.store.embedded.disk_thread import DiskThread

__all__ = ["Log", "log_path", "read_groups"]

_BUSY_MS: Final = 10_000
_CLOSE_S: Final = 10.0
_READ_BYTES: Final = 8 * 1_024 * 1_024
"""About so many bytes of groups are read together, so that a long log needs no more memory than others."""
_LAST_ROW: Final = (1 << 63) - 1
_PRIMARY_CODE: Final = 0xFF
_BEFORE_THE_COMMIT: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY}
"""Errors after which the file does not hold the end of the group, so that it is void for everybody."""
_NOTHING_CHANGED: Final = "the store cannot write; nothing was changed"
_UNKNOWN: Final = "the store cannot write, so what became of this call cannot be told yet"
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


def read_groups(
    connection: sqlite3.Connection, after: int, limit: int, up_to: int | None = None
) -> list[tuple[int, bytes]]:
    """Read groups that follow a position, in order: at most `limit`, fewer if they are large.

    Args:
        connection: To the log.
        after: The row after which they begin.
        limit: How many at most.
        up_to: The last row to read; `None`: all there are.
    """
    groups: list[tuple[int, bytes]] = []
    size = 0
    rows = connection.execute(
        "SELECT id, body FROM log WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
        (after, _LAST_ROW if up_to is None else up_to, limit),
    )
    for row, body in rows:
        groups.append((row, body))
        size += len(body)
        if size >= _READ_BYTES:
            break
    rows.close()
    return groups


class Log:
    """Appends groups on a thread of its own, one after another.

    The thread spends its time waiting for the disk without the interpreter's lock, so the loop goes on.

    After a failed append nothing of it may remain. A sync that failed leaves a whole group in the file, which
    a start after a crash would find; the system may even take it for written and never try again. So it is
    overwritten, and only when that is on disk are further groups taken.
    """

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        self._thread = DiskThread("idsync-log")
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

    def close(self) -> bool:
        """Finish what was begun; gives `False` when the disk did not let it, after ten seconds."""
        closing = self._thread.submit(self._connection.close)
        self._thread.close()
        return bool(wait([closing], _CLOSE_S).done)

    def _append(self, body: bytes) -> int:
        try:
            if not self._is_clean:
                self._overwrite()
        except sqlite3.Error as error:
            raise UnavailableError(_NOTHING_CHANGED) from error
        self._is_clean = False
        try:
            row = self._connection.execute("INSERT INTO log (body) VALUES (?)", (body,)).lastrowid
        except sqlite3.Error as error:
            raise UnavailableError(_NOTHING_CHANGED if self._undid(error) else _UNKNOWN) from error
        assert row is not None
        self._last = row
        self._is_clean = True
        return row

    def _undid(self, error: sqlite3.Error) -> bool:
        """Say whether nothing remains of a failed append, whatever comes."""
        if getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _BEFORE_THE_COMMIT:
            return True
        try:
            self._overwrite()
        except sqlite3.Error:
            return False
        return True

    def _overwrite(self) -> None:
        """Put something else in the place of what an append left behind, whether it can be seen or not."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            # the two leave no row, and yet a changed page: the highest number that was ever given
            connection.execute("INSERT INTO log (body) VALUES (x'')")
            connection.execute("DELETE FROM log WHERE id > ?", (self._last,))
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self._is_clean = True

    def _forget(self, up_to: int) -> None:
        try:
            self._connection.execute("DELETE FROM log WHERE id <= ?", (up_to,))
            if up_to >= self._last:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise UnavailableError("the store cannot write") from error
