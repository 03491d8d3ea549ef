"""Opens a store on PostgreSQL: make sure of the schema, find out which names are taken."""

from __future__ import annotations

from collections.abc import Callable

from idsync.model.errors import StoreError, UnavailableError
from idsync.store.postgres.address import read_address
from idsync.store.postgres.database import Database
from idsync.store.postgres.schema import require_current
from idsync.store.postgres.store import PostgresStore

__all__ = ["open_store"]


async def open_store(url: str, *, clock: Callable[[], int]) -> PostgresStore:
    """Open the store of a database; an empty one gets the schema.

    Args:
        url: `postgresql://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME`; what it leaves open `PG*` variables say.
        clock: Gives the time in UTC milliseconds.

    Raises:
        StoreError: The database cannot be reached, or is of another version, foreign or damaged.
    """
    address = read_address(url)
    await require_current(address)
    database = Database(address)
    try:
        async with database.connection() as connection:
            last_mpid = await connection.fetchval("SELECT coalesce(max(mpid), 0) FROM directory")
            if await connection.fetchval("SHOW synchronous_commit") == "off":
                # an answer is on disk before it is given, whatever others make of this database
                address.settings["synchronous_commit"] = "on"
                await connection.execute("SET synchronous_commit = on")
    except UnavailableError as error:
        await database.close()
        raise StoreError(error.message) from error
    except BaseException:
        await database.close()
        raise
    return PostgresStore(database, clock=clock, last_mpid=last_mpid)
