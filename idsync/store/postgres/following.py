"""Tells followers on every node that a journal has grown."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from idsync.model.errors import UnavailableError
from idsync.store.postgres.address import STATEMENT_TIMEOUT_S, Connection
from idsync.store.postgres.database import Database, unavailable_if_away

__all__ = ["ANY_NEW_GRAPH", "LOOK_EVERY_S", "Bell"]

ANY_NEW_GRAPH: Final = 0
"""Rings when a graph has its first entry."""

LOOK_EVERY_S: Final = 1.0
"""A follower looks this often even if it was told nothing: a notice may be lost with its connection."""


def _channel(graph_id: int) -> str:
    return f"idsync_{graph_id}"


class Bell:
    """Rings for graphs that have grown, on this node at once and on the others by a notice.

    A notice is sent after the commit and on a connection of its own: within it, all commits of the database
    would wait for each other. Whoever rings meanwhile is taken along by the next notice.

    Args:
        database: Where notices go.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._grown: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._listening: dict[int, int] = defaultdict(int)
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._due: set[int] = set()
        self._sending: asyncio.Task[None] | None = None

    def ring(self, graph_id: int) -> None:
        """Say that a graph has grown."""
        self._wake(graph_id)
        self._due.add(graph_id)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._due:
                due, self._due = self._due, set()
                # a lost notice costs followers elsewhere a second
                with suppress(UnavailableError):
                    async with self._database.connection() as connection:
                        await connection.execute(
                            "SELECT pg_notify(c, '') FROM unnest($1::text[]) AS k(c)",
                            [_channel(graph_id) for graph_id in due],
                        )
        finally:
            self._sending = None

    def _wake(self, graph_id: int) -> None:
        event = self._grown.pop(graph_id, None)
        if event is not None:
            event.set()

    @asynccontextmanager
    async def listening(self, graph_id: int) -> AsyncIterator[None]:
        """Hear of a graph as long as the context is open, if a connection can be had."""
        self._listening[graph_id] += 1
        try:
            yield
        finally:
            self._listening[graph_id] -= 1
            if not self._listening[graph_id]:
                del self._listening[graph_id]
                self._grown.pop(graph_id, None)
            if not self._listening:
                await self._hang_up()

    def grown(self, graph_id: int) -> asyncio.Event:
        """Give what is set when the graph grows; take it before looking, wait for it after."""
        return self._grown[graph_id]

    async def wait(self, event: asyncio.Event) -> None:
        """Wait until a graph grows, for as long as a follower may go without looking."""
        with suppress(UnavailableError):
            await self._listen()
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), LOOK_EVERY_S)

    async def _listen(self) -> None:
        """Make sure that there is a connection, and that it hears of every graph that is followed."""
        async with self._connecting:
            if self._connection is None or self._connection.is_closed():
                with unavailable_if_away():
                    self._connection = await self._database.connections.open(
                        command_timeout=STATEMENT_TIMEOUT_S
                    )
                self._heard: set[int] = set()
            for graph_id in self._listening.keys() - self._heard:
                with unavailable_if_away():
                    await self._connection.add_listener(_channel(graph_id), self._told)
                self._heard.add(graph_id)

    def _told(self, _connection: Any, _pid: int, channel: str, _payload: object) -> None:
        self._wake(int(channel.rpartition("_")[2]))

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        """Send what is due, then let go."""
        if self._sending is not None:
            await asyncio.wait([self._sending])
        await self._hang_up()
