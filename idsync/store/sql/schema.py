"""What state a database file is in, and how it gets the schema of this version.

What holds for every kind of database is here as well; `idsync.store.postgres.schema` has the rest of its own.
"""

from __future__ import annotations

import sqlite3
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, text

from idsync.model.errors import StoreError
from idsync.store.sql.planner import teach
from idsync.store.sql.tables import HEAD, metadata

__all__ = [
    "APPLICATION_ID",
    "SchemaState",
    "create",
    "migrate",
    "refuse_unusable",
    "require_current",
    "state_of",
    "state_of_revision",
    "upgrade",
]

APPLICATION_ID: Final = 0x49445359
"""Marks an SQLite file as ours ("IDSY")."""


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
        create(database)
    else:
        refuse_unusable(state)


def create(database: Path) -> None:
    """Give an empty database the schema of this version.

    Raises:
        StoreError: The file cannot be written.
    """
    _execute(database, to_head=False)


def upgrade(database: Path) -> None:
    """Bring an older database to the schema of this version; a current one is left as it is.

    Raises:
        StoreError: It is newer, foreign or damaged, or cannot be written.
    """
    state = state_of(database)
    if state in {SchemaState.NEWER, SchemaState.FOREIGN}:
        require_current(database)
    if state is SchemaState.EMPTY:
        create(database)
    elif state is SchemaState.OLDER:
        _execute(database, to_head=True)


def _execute(database: Path, *, to_head: bool) -> None:
    engine = create_engine(f"sqlite:///{database}")
    try:
        if to_head:
            _migrate(str(engine.url))
        else:
            with engine.begin() as connection:
                connection.execute(text(f"PRAGMA application_id = {APPLICATION_ID}"))
                metadata.create_all(connection)
                teach(connection)
                connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
                connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        with engine.connect() as connection:
            connection.execute(text("PRAGMA journal_mode=WAL"))
    except Exception as error:
        raise StoreError(f"the database cannot be written: {error.__cause__ or error}") from error
    finally:
        engine.dispose()


def _migrate(url: str) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            migrate(connection, version_table="alembic_version")
    finally:
        engine.dispose()


def migrate(connection: Connection, *, version_table: str) -> None:
    """Run the migrations that a database has not seen, on a connection of it.

    Args:
        connection: In a transaction, which its owner commits.
        version_table: Where the database notes the newest one.
    """
    from alembic import command  # noqa: PLC0415 - a heavy import that only an upgrade needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations()))
    config.set_main_option("version_table", version_table)
    command.upgrade(config, "head")


def migrations() -> Path:
    """Say where the migration scripts lie."""
    return Path(str(resources.files("idsync.store.sql") / "migrations"))


def _revisions() -> set[str]:
    names = (path.name for path in (migrations() / "versions").glob("[0-9]*.py"))
    return {name.split("_")[0] for name in names}
