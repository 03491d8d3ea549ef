"""Connections to the database, a bounded number of them, and what is said when they cannot be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, Final

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from idsync.model.errors import UnavailableError
from idsync.store.postgres.address import STATEMENT_TIMEOUT_S, Address, Connection
from idsync.store.postgres.connections import Connections
from idsync.store.postgres.faults import DRIVER_ERRORS, is_severed, reason_of

__all__ = [
    "CALL_CONNECTIONS",
    "INSPECTION_CONNECTIONS",
    "POOL_TIMEOUT_S",
    "Database",
    "sever",
    "unavailable_if_away",
]

CALL_CONNECTIONS: Final = 4
"""Connections of one node for calls; rounds of one graph follow one another, so more would only wait."""
INSPECTION_CONNECTIONS: Final = 4
"""Connections of one node for everything that is not asked with each call."""
POOL_TIMEOUT_S: Final = 5.0
"""How long is waited for a connection that others of the node hold."""


class Database:
    """One database, as one node uses it.

    Args:
        address: Where it is.

    Attributes:
        address: Where it is.
        connections: Whatever was opened, by the pools or beside them.
        engine: For inspection: each use is one consistent look.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.connections = Connections(address)
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=partial(self.connections.open, command_timeout=STATEMENT_TIMEOUT_S),
            isolation_level="REPEATABLE READ",
            pool_size=INSPECTION_CONNECTIONS,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=True,
        )
        event.listen(self.engine.sync_engine, "handle_error", _let_go_of_the_silent)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection for look-ups by key and for commits.

        Raises:
            UnavailableError: None can be had, or the database failed while it was lent.
        """
        with unavailable_if_away():
            pool = await self._opened()
            connection = await pool.acquire(timeout=POOL_TIMEOUT_S + STATEMENT_TIMEOUT_S)
            try:
                yield connection
            except BaseException as error:
                if _must_go(error) or not await _rolled_back(connection):
                    # half done, or on a server that is not the leader any more: nobody else may get it
                    sever(connection)
                raise
            finally:
                await pool.release(connection, timeout=POOL_TIMEOUT_S)

    async def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    pool = asyncpg.create_pool(
                        min_size=0,
                        max_size=CALL_CONNECTIONS,
                        connect=self._connect,
                        command_timeout=STATEMENT_TIMEOUT_S,
                        reset=_end_transaction,
                    )
                    self._pool = await pool
        return self._pool

    async def _connect(self, *_: Any, **options: Any) -> Connection:
        return await self.connections.open(led_by_keys=True, **options)

    async def close(self) -> None:
        """Let go of every connection."""
        try:
            await self.engine.dispose()
            if self._pool is not None:
                with suppress(*DRIVER_ERRORS):
                    await self._pool.close()
        finally:
            self.connections.close()


def _let_go_of_the_silent(context: ExceptionContext) -> None:
    # a server that did not answer would not answer the ROLLBACK either
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True


async def _end_transaction(connection: Any) -> None:
    """Save the round trip that resets a session: calls set nothing in theirs."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


def sever(connection: Any) -> None:
    """Let go of a connection without a word; one that is lost already has left its pool."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _rolled_back(connection: Any) -> bool:
    try:
        await _end_transaction(connection)
    except DRIVER_ERRORS:
        return False
    return True


def _must_go(error: BaseException) -> bool:
    if not isinstance(error, Exception) or is_severed(error):
        return True
    return isinstance(error, asyncpg.ReadOnlySQLTransactionError)


@contextmanager
def unavailable_if_away() -> Iterator[None]:
    """Turn the driver's errors into one of ours where they mean that the database is away.

    Raises:
        UnavailableError: It is; the cause says why.
    """
    try:
        yield
    except UnavailableError:
        raise
    except Exception as error:
        reason = reason_of(error)
        if reason is None:
            raise
        raise UnavailableError(f"the database is not available: {reason}") from error
