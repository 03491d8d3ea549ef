"""What state a database is in, told without SQLAlchemy: a start needs no more of it.

What holds for every kind of database is here as well; `idsync.store.postgres.schema` has the rest of its own.
"""

from __future__ import annotations

import sqlite3
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Final

from idsync.model.errors import StoreError

__all__ = [
    "APPLICATION_ID",
    "HEAD",
    "SchemaState",
    "migrations",
    "refuse_unusable",
    "require_current",
    "state_of",
    "state_of_revision",
]

APPLICATION_ID: Final = 0x49445359
"""Marks an SQLite file as ours ("IDSY")."""

HEAD: Final = "0006"
"""The newest migration; a database of another version is refused."""


class SchemaState(Enum):
    """What a database file holds."""

    EMPTY = "empty"
    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"
    FOREIGN = "foreign"


def state_of(database: Path) -> SchemaState:
    """Look at a database file without changing it.

    Raises:
        StoreError: It cannot be read, or is no database at all.
    """
    if not database.exists() or database.stat().st_size == 0:
        return SchemaState.EMPTY
    try:
        connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
        try:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
            if not tables:
                return SchemaState.EMPTY
            if not ours or "alembic_version" not in tables:
                return SchemaState.FOREIGN
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"the database is damaged or is no database: {error}") from error
    return SchemaState.FOREIGN if row is None else state_of_revision(row[0])


def state_of_revision(revision: str) -> SchemaState:
    """Say what the newest migration of a database means to this version."""
    if revision == HEAD:
        return SchemaState.CURRENT
    return SchemaState.OLDER if revision in _revisions() else SchemaState.NEWER


def refuse_unusable(state: SchemaState) -> None:
    """Say why a database of another version, or of somebody else, is not touched.

    Raises:
        StoreError: It is older, newer or foreign.
    """
    if state is SchemaState.OLDER:
        raise StoreError("the database has an older schema; run `idsync db upgrade` on it first")
    if state is SchemaState.NEWER:
        raise StoreError("the database was written by a newer version of idsync; use that version")
    if state is SchemaState.FOREIGN:
        raise StoreError("the database belongs to something else; name another one")


def require_current(database: Path) -> None:
    """Make sure that a database can be used: an empty one gets the schema.

    Raises:
        StoreError: It is older, newer, foreign, damaged, or cannot be written; nothing was changed.
    """
    state = state_of(database)
    if state is SchemaState.EMPTY:
        from idsync.store.sql.schema import create  # noqa: PLC0415 - a heavy import that only a first start needs

        create(database)
    else:
        refuse_unusable(state)


def migrations() -> Path:
    """Say where the migration scripts lie."""
    return Path(str(resources.files("idsync.store.sql") / "migrations"))


def _revisions() -> set[str]:
    names = (path.name for path in (migrations() / "versions").glob("[0-9]*.py"))
    return {name.split("_")[0] for name in names}
