"""What state a database is in, and how it gets the schema of this version."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from idsync.model.errors import StoreError
from idsync.store.postgres.address import Address
from idsync.store.postgres.connections import Connections
from idsync.store.postgres.faults import reason_of
from idsync.store.sql.schema import migrate
from idsync.store.sql.schema_state import HEAD, SchemaState, refuse_unusable, state_of_revision
from idsync.store.sql.tables import metadata

__all__ = ["VERSION_TABLE", "require_current", "state_of", "upgrade"]

VERSION_TABLE: Final = "idsync_version"
"""Holds the number of the newest migration, and marks a schema as ours."""
_ENCODINGS: Final = frozenset({"UTF8", "SQL_ASCII"})
"""Those that keep every text as it is given."""
_TRIES: Final = 20
_WAIT_S: Final = 0.1
_LOCK_MS: Final = 1_000
"""How long a migration waits for a table, in milliseconds: whoever calls meanwhile waits behind it."""
_IN_USE: Final = frozenset({"40P01", "55P03"})
"""States of SQL that say: a node that serves was in the way. Nothing remains, and it may go better again."""
_TAKEN: Final = frozenset({"23505", "42P07", "42710", "40001", "40P01"})
"""States of SQL that say: somebody else has made it, or is about to."""


async def state_of(address: Address) -> SchemaState:
    """Look at a database without changing it.

    Raises:
        StoreError: It cannot be reached, or lacks a part of what is ours.
    """
    async with _connected(address) as engine, engine.connect() as connection:
        return await connection.run_sync(_state)


async def require_current(address: Address) -> None:
    """Make sure that a database can be used: an empty one gets the schema, whichever node comes first.

    Raises:
        StoreError: It is older, newer, foreign or damaged, or cannot be reached or written; nothing changed.
    """
    refuse_unusable(await _given_if_empty(address))


async def upgrade(address: Address) -> None:
    """Bring an older database to the schema of this version; a current one is left as it is.

    Nodes of the older version may go on meanwhile: migrations only add.

    Raises:
        StoreError: It is newer, foreign or damaged, or cannot be reached or written.
    """
    state = await _given_if_empty(address)
    if state is not SchemaState.OLDER:
        refuse_unusable(state)
        return
    async with _connected(address) as engine:
        for attempt in range(_TRIES):
            try:
                async with engine.begin() as connection:
                    await connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_MS}"))
                    await connection.run_sync(_migrate)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _IN_USE or attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(_WAIT_S)
            else:
                return


async def _given_if_empty(address: Address) -> SchemaState:
    """Create the schema where there is nothing; of several nodes that begin to, one does."""
    async with _connected(address) as engine:
        for attempt in range(_TRIES):
            try:
                async with engine.begin() as connection:
                    state = await connection.run_sync(_state)
                    if state is not SchemaState.EMPTY:
                        return state
                    await connection.run_sync(_create)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _TAKEN or attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(_WAIT_S)
        return SchemaState.CURRENT


def _state(connection: Connection) -> SchemaState:
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding not in _ENCODINGS:
        raise StoreError(f"the database has the encoding {encoding}; create one with ENCODING 'UTF8'")
    found = connection.execute(
        text(
            # what an extension brought along is nobody's data
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = to_regnamespace(current_schema()::text) "
            "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass "
            "AND d.objid = c.oid AND d.deptype = 'e')"
        )
    )
    names = set(found.scalars())
    if not names:
        return SchemaState.EMPTY
    if VERSION_TABLE not in names:
        return SchemaState.FOREIGN
    revision = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    state = SchemaState.FOREIGN if revision is None else state_of_revision(revision)
    missing = sorted(set(metadata.tables) - names)
    if revision is None or (missing and state is SchemaState.CURRENT):
        lacking = ", ".join(missing) or "its version"
        raise StoreError(f"the database is damaged: it lacks {lacking}")
    return state


def _create(connection: Connection) -> None:
    # first of all the table that two nodes cannot both make
    connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) PRIMARY KEY)"))
    metadata.create_all(connection, checkfirst=False)
    connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:head)"), {"head": HEAD})


def _migrate(connection: Connection) -> None:
    migrate(connection, version_table=VERSION_TABLE)


@asynccontextmanager
async def _connected(address: Address) -> AsyncIterator[AsyncEngine]:
    connections = Connections(address)
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connections.open, poolclass=NullPool)
    try:
        yield engine
    except StoreError:
        raise
    except Exception as error:
        reason = reason_of(error)
        if reason is None:
            raise
        raise StoreError(f"the database cannot be used: {reason}") from error
    finally:
        connections.close()
