"""Where the database is: one server or several, of which the one that takes writes is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

from idsync.model.errors import StoreError
from idsync.store.postgres.faults import DRIVER_ERRORS

__all__ = [
    "CONNECT_TIMEOUT_S",
    "IDLE_TIMEOUT_S",
    "STATEMENT_TIMEOUT_S",
    "Address",
    "Connection",
    "read_address",
]

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_TIMEOUT_S: Final = 5.0
"""How long one server may take to accept a connection before the next one is tried."""
STATEMENT_TIMEOUT_S: Final = 15.0
"""How long one statement of a call may take, waiting for other writers included."""
IDLE_TIMEOUT_S: Final = 30.0
"""How long a transaction whose node went silent may stay open: it holds the counters of its graphs."""

_SCHEMES: Final = ("postgresql://", "postgres://")
_SESSION: Final = {
    "application_name": "idsync",
    "idle_in_transaction_session_timeout": str(int(IDLE_TIMEOUT_S * 1_000)),
    "jit": "off",
}
_LED_BY_KEYS: Final = {
    # Every key begins with the graph, which says almost nothing: without statistics, or with those of a table
    # that was empty, the planner would walk tables. And to plan a look-up costs more than to run it.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
    "enable_memoize": "off",
}


@dataclass(slots=True)
class Address:
    """A database, ready to be connected to.

    Attributes:
        dsns: One for each server, as asyncpg reads it; what it leaves open the `PG*` variables say.
        wanted: The kind of session to look for, as `target_session_attrs` of libpq.
        settings: Of every session.
        url: As it was given.
    """

    dsns: tuple[str, ...]
    wanted: str = "read-write"
    settings: dict[str, str] = field(default_factory=lambda: dict(_SESSION))
    url: str = field(default="", repr=False)
    _last: int = field(default=0, repr=False)

    async def connect(self, *, led_by_keys: bool = False, **more: Any) -> Connection:
        """Connect to the first server that takes writes, beginning with the one that did last time.

        Args:
            led_by_keys: Whether only look-ups by key will run on it.
            more: Passed to asyncpg.

        Raises:
            OSError: No server could be reached.
            asyncpg.PostgresError: Those that could be reached refuse.
        """
        settings = self.settings | _LED_BY_KEYS if led_by_keys else self.settings
        fault: Exception | None = None
        for attempt in range(len(self.dsns)):
            server = (self._last + attempt) % len(self.dsns)
            try:
                connection = await asyncpg.connect(
                    self.dsns[server],
                    timeout=CONNECT_TIMEOUT_S,
                    target_session_attrs=self.wanted,
                    server_settings=dict(settings),
                    **more,
                )
            except DRIVER_ERRORS as error:
                fault = error
            else:
                self._last = server
                return connection
        assert fault is not None
        raise fault


def read_address(url: str) -> Address:
    """Read `postgresql://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME?...`.

    Servers may also be given as `?host=HOST:PORT&host=HOST:PORT`.

    Raises:
        StoreError: It is no such URL.
    """
    if not url.startswith(_SCHEMES):
        raise StoreError("the database must be given as postgresql://USER:PASSWORD@HOST:PORT/NAME")
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise StoreError("the database's URL cannot be read; write / ? # @ : of a password as %XX") from None
    login, at, servers = parts.netloc.rpartition("@")
    hosts = [server for server in servers.split(",") if server]
    rest: list[tuple[str, str]] = []
    wanted = "read-write"
    for name, value in query:
        if name == "target_session_attrs":
            wanted = value
        elif name == "host" and not value.startswith("/"):
            hosts += value.split(",")
        else:
            rest.append((name, value))
    for host in hosts:
        port = host.rpartition("]")[2].partition(":")[2]
        if port and not (port.isascii() and port.isdigit()):
            raise StoreError("the database's URL names a port that is no number")
    said = f"?{urlencode(rest)}" if rest else ""
    return Address(
        tuple(f"postgresql://{login}{at}{host}{parts.path}{said}" for host in hosts or [""]),
        wanted,
        url=url,
    )
