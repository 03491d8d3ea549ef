"""What is asked beside calls: of the tables, once they contain everything acknowledged."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection
from pathlib import Path
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
from idsync.store.embedded.committer import Committer
from idsync.store.embedded.inspection import Inspection
from idsync.store.embedded.loader import Loader, digest
from idsync.store.embedded.overlay import Overlay

__all__ = ["Queries"]

_WATCH_PAGE: Final = 1_000


class Queries(ABC):
    """Shows profiles, the past and the journal; part of `EmbeddedStore`."""

    _database: Path
    _loader: Loader
    _overlay: Overlay
    _committer: Committer
    _inspection: Inspection
    _grown: asyncio.Event

    @abstractmethod
    async def settle(self) -> None:
        """Return when everything applied so far is on disk and in the tables."""

    async def graph_of(self, mpids: Collection[Mpid]) -> dict[Mpid, GraphKey]:
        """Look into memory, then into the directory."""
        await self._committer.settle()
        return self._overlay.graph_of(mpids)

    async def profiles(self, graph: GraphKey, mpids: Collection[Mpid]) -> dict[Mpid, Profile]:
        """Show profiles whole."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.profiles(graph, mpids)

    async def find_profiles(
        self, graph: GraphKey, identity: Identity, limit: int, before: int | None = None
    ) -> list[Mpid]:
        """List holders, newest first."""
        identity_id = await self._identity_id(graph, identity)
        tables = await self._inspection.tables()
        return await tables.find_profiles(graph, identity_id, limit, before)

    async def links_of(self, graph: GraphKey, identity: Identity, limit: int, after: int = 0) -> list[Link]:
        """List the links of an identity, past ones too."""
        identity_id = await self._identity_id(graph, identity)
        tables = await self._inspection.tables()
        return await tables.links_of(graph, identity_id, limit, after)

    async def last_seq(self, graph: GraphKey) -> int:
        """Give the position of the last entry."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.last_seq(graph)

    async def profiles_at(
        self, graph: GraphKey, mpids: Collection[Mpid], moment: Moment
    ) -> dict[Mpid, Profile]:
        """Show profiles as they were."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.profiles_at(graph, mpids, moment)

    async def find_profiles_at(
        self, graph: GraphKey, identity: Identity, moment: Moment, limit: int, before: Mpid | None = None
    ) -> list[Mpid]:
        """List who held it then."""
        identity_id = await self._identity_id(graph, identity)
        tables = await self._inspection.tables()
        return await tables.find_profiles_at(graph, identity_id, moment, limit, before)

    async def _identity_id(self, graph: GraphKey, identity: Identity) -> int | None:
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.identity_id(graph, digest(identity.value.encode()), identity)

    async def pending_aliases(self, due_ms: int, limit: int) -> list[tuple[GraphKey, AliasRecord]]:
        """List what is due."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.pending_aliases(due_ms, limit)

    async def inactive_profiles(self, graph: GraphKey, before_ms: int, limit: int) -> list[Mpid]:
        """List live profiles without recorded activity."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.inactive_profiles(graph, before_ms, limit)

    async def shared_values(self, graph: GraphKey, identity_type: int, limit: int) -> list[list[Mpid]]:
        """List holders of values on more than one record."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.shared_values(graph, identity_type, limit)

    async def flagged(
        self, graph: GraphKey, flags: Collection[Flag], limit: int, after: int = 0
    ) -> list[Flagged]:
        """List values with flags."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.flagged(graph, flags, limit, after)

    async def watched_to(self, graph: GraphKey, limits: str) -> int:
        """Give the radar's place."""
        tables = await self._inspection.tables()
        return await tables.watched_to(graph, limits)

    async def graphs(self) -> list[GraphKey]:
        """List the graphs that have entries."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.graphs()

    async def entries(
        self, graph: GraphKey, after: int, limit: int, mpid: Mpid | None = None
    ) -> list[JournalEntry]:
        """Read on from a position."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.entries(graph, after, limit, mpid)

    async def entries_at(self, graph: GraphKey, seqs: Collection[int]) -> dict[int, JournalEntry]:
        """Pick entries."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.entries_at(graph, seqs)

    async def entries_of_request(self, graph: GraphKey, request_id: str, limit: int) -> list[JournalEntry]:
        """Find entries by request id."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.entries_of_request(graph, request_id, limit)

    async def traces(self, graph: GraphKey, mpids: Collection[Mpid]) -> Traces:
        """Collect all that is kept of profiles."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.traces(graph, mpids)

    async def link_at(self, graph: GraphKey, seq: int) -> bytes:
        """Give a link of the chain; the fold has sealed it."""
        await self.settle()
        tables = await self._inspection.tables()
        link = await tables.link_at(graph, seq)
        if link is None:
            raise StoreError(f"the chain of the journal lacks its link at entry {seq}")
        return link

    async def changes(self, graph: GraphKey, after: int) -> AsyncIterator[JournalEntry]:
        """Follow the journal: what the tables contain, then whatever becomes durable."""
        while True:
            grown = self._grown
            entries = await self.entries(graph, after, _WATCH_PAGE)
            for entry in entries:
                after = entry.seq
                yield entry
            if not entries:
                await grown.wait()

    async def configuration(self, scope: str) -> tuple[int, str, int, str] | None:
        """Give the newest configuration version."""
        return self._loader.configuration(scope)

    async def add_configuration(self, scope: str, author: str, at_ms: int, settings: str) -> int:
        """Record a configuration version."""
        tables = await self._inspection.tables()
        return await tables.add_configuration(scope, author, at_ms, settings)

    # -- the history -------------------------------------------------------------------------------------

    async def history(self, graph: GraphKey, until_seq: int) -> AsyncIterator[HistoryPage]:
        """Read the journal and the recorded calls in order."""
        await self.settle()
        tables = await self._inspection.tables()
        async for page in tables.history(graph, until_seq):
            yield page

    @property
    def history_url(self) -> str | None:
        """Name the file of the tables."""
        return f"sqlite:///{self._database.absolute()}"
