"""What is asked beside calls: each question is one look at committed rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager
from typing import Final

from idsync.model.aliasing import AliasRecord
from idsync.model.erasure import Traces
from idsync.model.errors import StoreError
from idsync.model.flag import Flag, Flagged
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import JournalEntry
from idsync.model.moment import Moment
from idsync.model.profile import Link, Profile
from idsync.model.recording import HistoryPage
from idsync.store.postgres import statements
from idsync.store.postgres.address import Connection
from idsync.store.postgres.database import Database, unavailable_if_away
from idsync.store.postgres.following import ANY_NEW_GRAPH, Bell
from idsync.store.postgres.rows import digest
from idsync.store.postgres.sealing import seal_some
from idsync.store.sql.reader import SqlReader

__all__ = ["Queries"]

_WATCH_PAGE: Final = 1_000


class Queries(ABC):
    """Shows profiles, the past and the journal, and seals it; part of `PostgresStore`."""

    _database: Database
    _tables: SqlReader
    _bell: Bell
    _graph_ids: dict[GraphKey, int]

    @abstractmethod
    async def _graph_id(self, connection: Connection, key: GraphKey) -> int | None:
        """Give the number of a graph, `None` where it has no entry."""

    @abstractmethod
    def _begun(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection with a transaction begun."""

    async def graph_of(self, mpids: Collection[Mpid]) -> dict[Mpid, GraphKey]:
        """Look into the directory."""
        with unavailable_if_away():
            return await self._tables.graph_of(mpids)

    async def profiles(self, graph: GraphKey, mpids: Collection[Mpid]) -> dict[Mpid, Profile]:
        """Show profiles whole."""
        with unavailable_if_away():
            return await self._tables.profiles(graph, mpids)

    async def find_profiles(
        self, graph: GraphKey, identity: Identity, limit: int, before: int | None = None
    ) -> list[Mpid]:
        """List holders, newest first."""
        with unavailable_if_away():
            identity_id = await self._identity_id(graph, identity)
            return await self._tables.newest_holders(graph, identity_id, limit, before)

    async def links_of(self, graph: GraphKey, identity: Identity, limit: int, after: int = 0) -> list[Link]:
        """List the links of an identity, past ones too."""
        with unavailable_if_away():
            return await self._tables.links_of(graph, await self._identity_id(graph, identity), limit, after)

    async def last_seq(self, graph: GraphKey) -> int:
        """Give the position of the last entry."""
        with unavailable_if_away():
            return await self._tables.last_seq(graph)

    async def profiles_at(
        self, graph: GraphKey, mpids: Collection[Mpid], moment: Moment
    ) -> dict[Mpid, Profile]:
        """Show profiles as they were."""
        with unavailable_if_away():
            return await self._tables.profiles_at(graph, mpids, moment)

    async def find_profiles_at(
        self, graph: GraphKey, identity: Identity, moment: Moment, limit: int, before: Mpid | None = None
    ) -> list[Mpid]:
        """List who held it then."""
        with unavailable_if_away():
            identity_id = await self._identity_id(graph, identity)
            return await self._tables.find_profiles_at(graph, identity_id, moment, limit, before)

    async def _identity_id(self, graph: GraphKey, identity: Identity) -> int | None:
        return await self._tables.identity_id(graph, digest(identity.value.encode()), identity)

    async def pending_aliases(self, due_ms: int, limit: int) -> list[tuple[GraphKey, AliasRecord]]:
        """List what is due."""
        with unavailable_if_away():
            return await self._tables.pending_aliases(due_ms, limit)

    async def inactive_profiles(self, graph: GraphKey, before_ms: int, limit: int) -> list[Mpid]:
        """List live profiles without recorded activity."""
        with unavailable_if_away():
            return await self._tables.inactive_profiles(graph, before_ms, limit)

    async def shared_values(self, graph: GraphKey, identity_type: int, limit: int) -> list[list[Mpid]]:
        """List holders of values on more than one record."""
        with unavailable_if_away():
            return await self._tables.shared_values(graph, identity_type, limit)

    async def flagged(
        self, graph: GraphKey, flags: Collection[Flag], limit: int, after: int = 0
    ) -> list[Flagged]:
        """List values with flags."""
        with unavailable_if_away():
            return await self._tables.flagged(graph, flags, limit, after)

    async def watched_to(self, graph: GraphKey, limits: str) -> int:
        """Give the radar's place."""
        with unavailable_if_away():
            return await self._tables.watched_to(graph, limits)

    async def note_watched(self, graph: GraphKey, limits: str, seq: int) -> None:
        """Keep the radar's place; of several nodes the one that is behind changes nothing."""
        with unavailable_if_away():
            async with self._begun() as connection:
                graph_id = await self._graph_id(connection, graph)
                if graph_id is not None:
                    await connection.execute(statements.NOTE_WATCHED, graph_id, limits, seq)
                await connection.execute("COMMIT")

    async def graphs(self) -> list[GraphKey]:
        """List the graphs that have entries."""
        with unavailable_if_away():
            return await self._tables.graphs()

    async def entries(
        self, graph: GraphKey, after: int, limit: int, mpid: Mpid | None = None
    ) -> list[JournalEntry]:
        """Read on from a position."""
        with unavailable_if_away():
            return await self._tables.entries(graph, after, limit, mpid)

    async def entries_at(self, graph: GraphKey, seqs: Collection[int]) -> dict[int, JournalEntry]:
        """Pick entries."""
        with unavailable_if_away():
            return await self._tables.entries_at(graph, seqs)

    async def entries_of_request(self, graph: GraphKey, request_id: str, limit: int) -> list[JournalEntry]:
        """Find entries by request id."""
        with unavailable_if_away():
            return await self._tables.entries_of_request(graph, request_id, limit)

    async def traces(self, graph: GraphKey, mpids: Collection[Mpid]) -> Traces:
        """Collect all that is kept of profiles."""
        with unavailable_if_away():
            return await self._tables.traces(graph, mpids)

    async def link_at(self, graph: GraphKey, seq: int) -> bytes:
        """Give a link of the chain, after sealing up to it."""
        with unavailable_if_away():
            link = await self._tables.link_at(graph, seq)
            if link is None:
                await self._seal(graph)
                link = await self._tables.link_at(graph, seq)
        if link is None:
            raise StoreError(f"the chain of the journal lacks its link at entry {seq}")
        return link

    async def seal(self) -> None:
        """Seal what all nodes have written, some at a time; nodes that meet here wait for each other."""
        for graph in await self.graphs():
            await self._seal(graph)

    async def _seal(self, graph: GraphKey) -> None:
        count = 1
        while count:
            async with self._begun() as connection:
                graph_id = await self._graph_id(connection, graph)
                count = 0 if graph_id is None else await seal_some(connection, graph_id, graph)
                await connection.execute("COMMIT")

    async def changes(self, graph: GraphKey, after: int) -> AsyncIterator[JournalEntry]:
        """Follow the journal, whichever node writes it."""
        async with self._bell.listening(ANY_NEW_GRAPH):
            while True:
                grown = self._bell.grown(ANY_NEW_GRAPH)
                graph_id = await self._known(graph)
                if graph_id is not None:
                    break
                await self._bell.wait(grown)
        async with self._bell.listening(graph_id):
            while True:
                grown = self._bell.grown(graph_id)
                entries = await self.entries(graph, after, _WATCH_PAGE)
                for entry in entries:
                    after = entry.seq
                    yield entry
                if not entries:
                    await self._bell.wait(grown)

    async def _known(self, graph: GraphKey) -> int | None:
        if graph not in self._graph_ids:
            async with self._database.connection() as connection:
                await self._graph_id(connection, graph)
        return self._graph_ids.get(graph)

    # -- the history -------------------------------------------------------------------------------------

    async def history(self, graph: GraphKey, until_seq: int) -> AsyncIterator[HistoryPage]:
        """Read the journal and the recorded calls in order."""
        with unavailable_if_away():
            async for page in self._tables.history(graph, until_seq):
                yield page

    @property
    def history_url(self) -> str | None:
        """Name the database."""
        return self._database.address.url
