"""How a database gets the schema of this version: a new file at once, an older one by its migrations."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from idsync.model.errors import StoreError
from idsync.store.sql.planner import teach
from idsync.store.sql.schema_state import (
    APPLICATION_ID,
    HEAD,
    SchemaState,
    migrations,
    require_current,
    state_of,
)
from idsync.store.sql.tables import metadata

__all__ = ["create", "migrate", "upgrade"]


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
