"""A store of dictionaries: nothing is kept on disk, everything is looked up the plain way.

It is the oracle that other stores are compared with, so it is written to be obviously right, not fast.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence

from idsync.model.aliasing import AliasRecord, AliasState
from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.erasure import Traces
from idsync.model.flag import Flag, Flagged
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import NEW, ChangeKind, JournalEntry
from idsync.model.moment import Moment
from idsync.model.profile import Link, Profile, RecordedIdentity
from idsync.model.recording import HistoryPage
from idsync.model.view import GraphView, ViewRequest
from idsync.store.chain import first_link
from idsync.store.codec import alias_record, from_stored, to_stored
from idsync.store.memory_graph import MemoryGraph, concerns
from idsync.store.memory_past import holders_at, moved_to, profile_at
from idsync.store.memory_recording import MemoryRecording
from idsync.store.memory_traces import traces_of
from idsync.store.memory_view import MemoryView
from idsync.store.minting import MpidMint
from idsync.store.rows import ProfileRow, StoredEntry

__all__ = ["MemoryStore"]


class _Graphs(dict[GraphKey, MemoryGraph]):
    def __missing__(self, key: GraphKey) -> MemoryGraph:
        graph = self[key] = MemoryGraph(first_link(key))
        return graph


class MemoryStore:
    """Implements `idsync.store.protocol.Store` in dictionaries."""

    answers_at_once = False
    """It would, but then nothing would show what rounds do with calls that wait together."""

    def __init__(self, *, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._mint = MpidMint(clock)
        self._watched: dict[tuple[GraphKey, str], int] = {}
        self._graphs = _Graphs()
        self._configurations: dict[str, list[tuple[int, str, int, str]]] = {}
        self.calls = MemoryRecording(self._graphs)
        self._grown = asyncio.Condition()

    async def read_views(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        """Look at the dictionaries as they are."""
        return [MemoryView(self._graphs[request.graph], request) for request in wanted]

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        """Commit change sets one after another; after a stale one `in_order` gives up the rest."""
        results: list[Applied | Stale] = []
        for change_set in changes:
            if in_order and results and isinstance(results[-1], Stale):
                results.append(Stale())
            else:
                results.append(self._apply(change_set))
        if any(isinstance(result, Applied) and result.seq for result in results):
            async with self._grown:
                self._grown.notify_all()
        return results

    def _apply(self, change_set: ChangeSet) -> Applied | Stale:
        graph = self._graphs[change_set.graph]
        if not _holds(change_set, graph):
            return Stale()
        if not change_set.changes:
            return Applied(change_set.mpid, 0, None)
        created = change_set.changes[0].kind is ChangeKind.PROFILE_CREATED
        mpid = self._mint.next() if created and change_set.mpid == NEW else change_set.mpid
        entry = to_stored(change_set, len(graph.journal) + 1, self._clock(), mpid, graph.id_of)
        graph.append(entry)
        return Applied(mpid, entry.seq, None)

    async def graph_of(self, mpids: Collection[Mpid]) -> dict[Mpid, GraphKey]:
        """Look through every graph."""
        return {m: key for key, graph in self._graphs.items() for m in mpids if m in graph.profiles}

    async def profiles(self, graph: GraphKey, mpids: Collection[Mpid]) -> dict[Mpid, Profile]:
        """Show profiles whole."""
        tables = self._graphs[graph]
        return {m: _shown(graph, tables, tables.profiles[m]) for m in mpids if m in tables.profiles}

    async def find_profiles(
        self, graph: GraphKey, identity: Identity, limit: int, before: int | None = None
    ) -> list[Mpid]:
        """Sort all holders by recency."""
        tables = self._graphs[graph]
        rows = [
            tables.profiles[link.mpid]
            for link in tables.links
            if link.identity_id == tables.ids.get(identity)
            and link.until_seq is None
            and not link.descriptive
        ]
        rows = [row for row in rows if before is None or row.recency < before]
        return [row.mpid for row in sorted(rows, key=lambda row: -row.recency)[:limit]]

    async def links_of(self, graph: GraphKey, identity: Identity, limit: int, after: int = 0) -> list[Link]:
        """List the links of an identity."""
        tables = self._graphs[graph]
        found = [
            Link(link.mpid, link.since_seq, link.until_seq)
            for link in tables.links
            if link.identity_id == tables.ids.get(identity) and not link.descriptive
        ]
        return [link for link in found if link.since_seq > after][:limit]

    async def last_seq(self, graph: GraphKey) -> int:
        """Count the entries."""
        return len(self._graphs[graph].journal)

    async def profiles_at(
        self, graph: GraphKey, mpids: Collection[Mpid], moment: Moment
    ) -> dict[Mpid, Profile]:
        """Look through every link and entry."""
        tables = self._graphs[graph]
        rows = [tables.profiles[m] for m in mpids if m in tables.profiles]
        return {
            row.mpid: profile_at(tables, _shown(graph, tables, row), moment)
            for row in rows
            if moment.covers(row.created_seq, row.created_ms)
        }

    async def find_profiles_at(
        self, graph: GraphKey, identity: Identity, moment: Moment, limit: int, before: Mpid | None = None
    ) -> list[Mpid]:
        """Look through every link."""
        tables = self._graphs[graph]
        held = holders_at(tables, tables.ids.get(identity), moment)
        return sorted((m for m in held if before is None or m < before), reverse=True)[:limit]

    async def pending_aliases(self, due_ms: int, limit: int) -> list[tuple[GraphKey, AliasRecord]]:
        """Look through every alias request."""
        due = [
            (key, alias_record(row, graph.value_of))
            for key, graph in self._graphs.items()
            for row in graph.aliases.values()
            if row.state is AliasState.PENDING and row.terms.apply_at_ms <= due_ms
        ]
        return sorted(due, key=lambda found: found[1].arrived_ms)[:limit]

    async def inactive_profiles(self, graph: GraphKey, before_ms: int, limit: int) -> list[Mpid]:
        """Look through every profile."""
        rows = self._graphs[graph].profiles.values()
        return [row.mpid for row in rows if not row.erased and row.active_ms < before_ms][:limit]

    async def shared_values(self, graph: GraphKey, identity_type: int, limit: int) -> list[list[Mpid]]:
        """Look through every link."""
        tables = self._graphs[graph]
        holders: defaultdict[int, list[Mpid]] = defaultdict(list)
        for link in tables.links:
            if link.until_seq is None and not link.descriptive:
                holders[link.identity_id].append(link.mpid)
        return [
            mpids
            for identity_id, mpids in holders.items()
            if len(mpids) > 1 and tables.identities[identity_id].type == identity_type
        ][:limit]

    async def flagged(
        self, graph: GraphKey, flags: Collection[Flag], limit: int, after: int = 0
    ) -> list[Flagged]:
        """Look through every flag."""
        tables = self._graphs[graph]
        return [
            Flagged(row.seq, tables.value_of(row.identity_id), Flag(row.kind))
            for row in tables.flags
            if row.until_seq is None and row.kind in flags and row.seq > after
        ][:limit]

    async def watched_to(self, graph: GraphKey, limits: str) -> int:
        """Give what was noted."""
        return self._watched.get((graph, limits), 0)

    async def note_watched(self, graph: GraphKey, limits: str, seq: int) -> None:
        """Note it."""
        self._watched = {key: at for key, at in self._watched.items() if key[0] != graph}
        self._watched[graph, limits] = seq

    async def graphs(self) -> list[GraphKey]:
        """List the graphs that have entries."""
        return sorted(key for key, graph in self._graphs.items() if graph.journal)

    async def entries(
        self, graph: GraphKey, after: int, limit: int, mpid: Mpid | None = None
    ) -> list[JournalEntry]:
        """Read on from a position."""
        return self._entries(
            graph,
            (e for e in self._graphs[graph].journal[after:] if mpid is None or concerns(e, mpid)),
            limit,
        )

    async def entries_at(self, graph: GraphKey, seqs: Collection[int]) -> dict[int, JournalEntry]:
        """Pick entries."""
        journal = self._graphs[graph].journal
        wanted = (journal[seq - 1] for seq in sorted(seqs) if 0 < seq <= len(journal))
        return {entry.seq: entry for entry in self._entries(graph, wanted, len(seqs))}

    async def entries_of_request(self, graph: GraphKey, request_id: str, limit: int) -> list[JournalEntry]:
        """Look through the journal."""
        found = (e for e in self._graphs[graph].journal if e.request_id == request_id)
        return self._entries(graph, found, limit)

    def _entries(self, graph: GraphKey, entries: Iterable[StoredEntry], limit: int) -> list[JournalEntry]:
        value_of = self._graphs[graph].value_of
        return [from_stored(graph, entry, value_of) for _, entry in zip(range(limit), entries, strict=False)]

    async def traces(self, graph: GraphKey, mpids: Collection[Mpid]) -> Traces:
        """Look through everything."""
        return traces_of(self._graphs[graph], mpids)

    async def link_at(self, graph: GraphKey, seq: int) -> bytes:
        """Give a link of the chain."""
        return self._graphs[graph].seals[seq - 1].link

    async def seal(self) -> None:
        """Entries are sealed when they are written."""

    async def changes(self, graph: GraphKey, after: int) -> AsyncIterator[JournalEntry]:
        """Follow the journal."""
        while True:
            for entry in await self.entries(graph, after, 1_000):
                after = entry.seq
                yield entry
            async with self._grown:
                await self._grown.wait_for(lambda: len(self._graphs[graph].journal) > after)  # noqa: B023

    async def configuration(self, scope: str) -> tuple[int, str, int, str] | None:
        """Give the newest configuration version."""
        versions = self._configurations.get(scope)
        return versions[-1] if versions else None

    async def add_configuration(self, scope: str, author: str, at_ms: int, settings: str) -> int:
        """Record a configuration version."""
        versions = self._configurations.setdefault(scope, [])
        versions.append((len(versions) + 1, author, at_ms, settings))
        return len(versions)

    def history(self, graph: GraphKey, until_seq: int) -> AsyncIterator[HistoryPage]:
        """Give the journal and the recorded calls in order."""
        return self.calls.history(graph, until_seq)

    @property
    def history_url(self) -> str | None:
        """Say that nobody else can read it."""
        return None

    async def settle(self) -> None:
        """Nothing is ever waiting."""

    async def close(self) -> None:
        """Nothing is held."""


def _holds(change_set: ChangeSet, graph: MemoryGraph) -> bool:
    for identity, version in change_set.identities.items():
        identity_id = graph.ids.get(identity)
        if (0 if identity_id is None else graph.identities[identity_id].version) != version:
            return False
    for mpid, version in change_set.profiles.items():
        row = graph.profiles.get(mpid)
        if row is None or row.version != version:
            return False
    if change_set.overtaken is not None:
        view = MemoryView(graph, ViewRequest(change_set.graph, 0, ()))
        profile = view.profile(change_set.mpid)
        if profile is None or profile.overtaken != change_set.overtaken:
            return False
    key = (change_set.input_id, change_set.idempotency_key)
    return key[1] is None or key not in {(entry.input_id, entry.idempotency_key) for entry in graph.journal}


def _shown(key: GraphKey, graph: MemoryGraph, row: ProfileRow) -> Profile:
    def recorded(*, descriptive: bool) -> tuple[RecordedIdentity, ...]:
        return tuple(
            RecordedIdentity(graph.value_of(link.identity_id), link.since_seq, entry.at_ms, entry.rule)
            for link in graph.open_links(row.mpid)
            if link.descriptive is descriptive
            for entry in [graph.journal[link.since_seq - 1]]
        )

    return Profile(
        row.mpid,
        key,
        row.erased,
        recorded(descriptive=False),
        recorded(descriptive=True),
        row.source,
        row.created_seq,
        row.created_ms,
        row.returned_ms,
        row.recency,
        tuple(
            alias_record(alias, graph.value_of)
            for alias in graph.aliases.values()
            if row.mpid in {alias.terms.source, alias.terms.destination}
        ),
        moved_to(graph, row.mpid, None),
    )
