"""Every connection that was opened is closed, whoever lost sight of it.

Pools forget some: one that is still being made while the pool is closed, one whose setting-up failed, one
whose return was interrupted.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import asyncpg

from idsync.store.postgres.address import Address, Connection

__all__ = ["Connections"]


class Connections:
    """Opens connections to one database, and knows which of them are open.

    Args:
        address: Where it is.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._open: set[Connection] = set()
        self._closed = False

    async def open(self, *, led_by_keys: bool = False, **more: Any) -> Connection:
        """Open one; see `Address.connect`.

        Raises:
            OSError: No server could be reached.
            asyncpg.PostgresError: Those that could be reached refuse.
            asyncpg.InterfaceError: They were closed meanwhile.
        """
        connection = await self.address.connect(led_by_keys=led_by_keys, **more)
        if self._closed:
            connection.terminate()
            raise asyncpg.InterfaceError("the connections were closed")
        self._open.add(connection)
        connection.add_termination_listener(self._open.discard)
        return connection

    def close(self) -> None:
        """Let go of all that are open, and of those that are being opened once they are."""
        self._closed = True
        for connection in list(self._open):
            with suppress(asyncpg.InterfaceError):
                connection.terminate()
        self._open.clear()
