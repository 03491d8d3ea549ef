"""What an error of the driver means: whether the database is away, or the fault is ours."""

from __future__ import annotations

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError

__all__ = ["DRIVER_ERRORS", "TRANSACTION_TRIES", "is_race", "is_severed", "reason_of"]

DRIVER_ERRORS: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What the driver raises when a server cannot be had or refuses; timeouts are an `OSError`."""

TRANSACTION_TRIES: Final = 10
"""How often a transaction is taken that the database undid because of another one."""

_AWAY: Final = {
    "08": "the connection was lost",
    "25006": "the server only reads",
    "28": "it refuses our credentials",
    "3D000": "there is no such database",
    "42501": "we may not do that there",
    "53": "it has no room, memory or connections left",
    "55P03": "a lock was not given in time",
    "55006": "it is in use",
    "57": "it is shutting down, starting or ended the statement",
    "58": "its system failed",
    "F0": "its configuration is broken",
    "XX": "it is damaged",
    "25P03": "the transaction stood still for too long",
}
"""What states of SQL mean, by as much of their beginning as decides."""
_RACES: Final = frozenset({"40001", "40P01"})


def reason_of(error: BaseException) -> str | None:
    """Say in a few words why the database cannot be used now; `None`: it can, so the fault is ours.

    The words of the driver are not given on: they may quote what was being written.
    """
    error = _bare(error)
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "none of its servers takes writes"
    state = getattr(error, "sqlstate", None)
    if isinstance(error, asyncpg.PostgresError) and isinstance(state, str):
        return next((reason for start, reason in _AWAY.items() if state.startswith(start)), None)
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return "the connection was lost"
    if isinstance(error, OSError):
        return "it cannot be reached"
    return None


def is_race(error: BaseException) -> bool:
    """Say whether the whole transaction should be taken once more: nothing of it remains."""
    error = _bare(error)
    if isinstance(error, asyncpg.UniqueViolationError):
        return True
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _RACES


def is_severed(error: BaseException) -> bool:
    """Say whether nothing more can come over the connection: what it last asked for may have happened."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate)[:2] in {"08", "57", "58", "XX"}
    return isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError)


def _bare(error: BaseException) -> BaseException:
    """Take the driver's error out of SQLAlchemy's, and out of that of the adapter between them."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error
