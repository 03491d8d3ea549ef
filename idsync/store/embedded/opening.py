"""Opens an embedded store: take the lock, make sure of the schema, fold what a crash left in the log."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from idsync.model.errors import StoreError
from idsync.model.identity import TypeSet
from idsync.store.embedded.folding import Folder
from idsync.store.embedded.lock import lock
from idsync.store.embedded.pairing import require_paired
from idsync.store.embedded.store import EmbeddedStore
from idsync.store.sql.schema_state import require_current

__all__ = ["DEFAULT_CACHE_IDENTITIES", "database_path", "open_store", "seal_file"]

DEFAULT_CACHE_IDENTITIES: Final = 1_000_000


def database_path(url: str) -> Path:
    """Read a path out of `sqlite:///relative.db` or `sqlite:////absolute.db`.

    Raises:
        StoreError: It is no such URL.
    """
    prefix = "sqlite:///"
    if not url.startswith(prefix) or len(url) == len(prefix) or "?" in url:
        raise StoreError("the database must be given as sqlite:///relative.db or sqlite:////absolute.db")
    return Path(url.removeprefix(prefix))


def seal_file(database: Path) -> None:
    """Fold what the log of a database holds, and seal its whole journal; a start would do it.

    Raises:
        StoreError: The database is in use, or cannot be used.
    """
    held = lock(database)
    try:
        require_paired(database)
        folder = Folder(database)
        try:
            folder.run()
        finally:
            folder.close()
    except sqlite3.Error as error:
        raise StoreError(f"the database cannot be used: {error}") from error
    finally:
        os.close(held)


async def open_store(
    url: str,
    *,
    clock: Callable[[], int],
    cache_identities: int = DEFAULT_CACHE_IDENTITIES,
    login_sets: Mapping[str, TypeSet] | None = None,
) -> EmbeddedStore:
    """Open the store of a database, which is created if it does not exist.

    Args:
        url: `sqlite:///relative.db` or `sqlite:////absolute.db`.
        clock: Gives the time in UTC milliseconds.
        cache_identities: How many identities stay in memory.
        login_sets: Login types by scope name.

    Raises:
        StoreError: The database is in use, of another version, foreign, damaged or cannot be written.
    """
    database = database_path(url)
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the directory of the database: {error.strerror}") from error
    held = lock(database)
    try:
        require_current(database)
        require_paired(database)
        folder = Folder(database)
        try:
            position = folder.run()
        finally:
            folder.close()
        return EmbeddedStore(
            database,
            held,
            clock=clock,
            cache_identities=cache_identities,
            login_sets=login_sets or {},
            position=position,
        )
    except sqlite3.Error as error:
        os.close(held)
        raise StoreError(f"the database cannot be used: {error}") from error
    except BaseException:
        os.close(held)
        raise
