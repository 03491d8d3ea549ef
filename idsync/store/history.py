"""Opens the history that another process keeps, for reading."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idsync.store.sql.reader import SqlReader

__all__ = ["open_history"]


@asynccontextmanager
async def open_history(url: str) -> AsyncIterator[SqlReader]:
    """Open the database that `Store.history_url` names.

    Raises:
        StoreError: It is no such URL.
    """
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - a heavy import, and not for `memory://`

    from idsync.store.sql.reader import SqlReader  # noqa: PLC0415

    if url.startswith("sqlite:///"):
        reader = SqlReader(create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:", 1)))
        try:
            yield reader
        finally:
            await reader.close()
        return
    from idsync.store.postgres.address import read_address  # noqa: PLC0415
    from idsync.store.postgres.database import Database  # noqa: PLC0415

    database = Database(read_address(url))
    try:
        yield SqlReader(database.engine)
    finally:
        await database.close()
