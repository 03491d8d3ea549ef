"""Opens the tables for whoever looks into them, when somebody first does.

They are read through SQLAlchemy, whose import takes longer than all else that a start does, and which no
identity call needs.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idsync.store.sql.reader import SqlReader

__all__ = ["Inspection", "reader_beside"]


class Inspection:
    """The tables of one database, for reading them as they are on disk.

    Args:
        database: Their file, of the current schema.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._opening: asyncio.Task[SqlReader] | None = None

    async def tables(self) -> SqlReader:
        """Give what reads them."""
        if self._opening is None:
            # in a thread, so that calls go on meanwhile
            self._opening = asyncio.create_task(asyncio.to_thread(_open, self._database))
        # who asked first may be cancelled, the others still want it
        return await asyncio.shield(self._opening)

    async def close(self) -> None:
        """Let every look end, then let go of every connection."""
        if self._opening is not None:
            await (await self._opening).close()


def reader_beside(database: Path) -> SqlReader:
    """Read the tables of a database that another process may own; nothing can be written."""
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - see above

    from idsync.store.sql.reader import SqlReader  # noqa: PLC0415

    uri = database.absolute().as_uri()
    return SqlReader(create_async_engine(f"sqlite+aiosqlite:///{uri}?mode=ro&uri=true"))


def _open(database: Path) -> SqlReader:
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - see above

    from idsync.store.sql.reader import SqlReader  # noqa: PLC0415

    return SqlReader(create_async_engine(f"sqlite+aiosqlite:///{database}"))
