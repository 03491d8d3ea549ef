"""Writes the files of a database anew, so that no page of them holds what was removed."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from idsync.model.errors import StoreError
from idsync.store.embedded.folding import Folder
from idsync.store.embedded.lock import lock
from idsync.store.embedded.log import log_path
from idsync.store.embedded.pairing import require_paired
from idsync.store.sql.schema_state import SchemaState, require_current, state_of

__all__ = ["compact"]


def compact(database: Path) -> tuple[int, int]:
    """Fold what the log holds, then write both files anew and empty what lies beside them.

    Returns:
        How many bytes the files had, and have.

    Raises:
        StoreError: The database is in use, of another version, damaged, or the disk is full.
    """
    if state_of(database) is SchemaState.EMPTY:
        raise StoreError("there is no such database")
    held = lock(database)
    try:
        require_current(database)
        require_paired(database)
        before = _size(database)
        folder = Folder(database)
        try:
            position = folder.run()
        finally:
            folder.close()
        _rewrite(log_path(database), position)
        _rewrite(database, None)
        return before, _size(database)
    except sqlite3.Error as error:
        raise StoreError(f"the database cannot be compacted: {error}") from error
    finally:
        os.close(held)


def _rewrite(path: Path, forget_up_to: int | None) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON")
        if forget_up_to is not None:
            connection.execute("DELETE FROM log WHERE id <= ?", (forget_up_to,))
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError("the database is being read; end whoever looks into it first")
    finally:
        connection.close()


def _size(database: Path) -> int:
    files = (Path(f"{path}{end}") for path in (database, log_path(database)) for end in ("", "-wal", "-shm"))
    return sum(file.stat().st_size for file in files if file.exists())
