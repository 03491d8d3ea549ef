"""What a decision sees of the memory store: everything found by looking through all links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from idsync.model.aliasing import AliasRecord
from idsync.model.flag import Flag
from idsync.model.identity import Identity, Mpid, TypeSet
from idsync.model.journal import JournalEntry
from idsync.model.must_not import MustNot
from idsync.model.view import ViewRequest
from idsync.store.codec import alias_record, from_stored
from idsync.store.memory_graph import MemoryGraph
from idsync.store.must_nots import joined
from idsync.store.rows import ProfileRow

__all__ = ["MemoryView"]


class _Ranked:
    def __init__(self, rows: list[ProfileRow]) -> None:
        self._mpids = [row.mpid for row in sorted(rows, key=lambda row: -row.recency)]

    def __len__(self) -> int:
        return len(self._mpids)

    def __contains__(self, mpid: object, /) -> bool:
        return mpid in self._mpids

    def newest_first(self) -> Iterator[Mpid]:
        return iter(self._mpids)


class _Holders:
    def __init__(self, graph: MemoryGraph, identity_id: int, login_set: TypeSet) -> None:
        links = [x for x in graph.links if x.identity_id == identity_id and x.until_seq is None]
        rows = [graph.profiles[link.mpid] for link in links if not link.descriptive]
        self.version = graph.identities[identity_id].version
        self.known = _Ranked([row for row in rows if row.types & login_set])
        self.anonymous = _Ranked([row for row in rows if not row.types & login_set])
        self._described = {link.mpid for link in links if link.descriptive}

    def has(self, mpid: Mpid) -> bool:
        return mpid in self.known or mpid in self.anonymous

    def describes(self, mpid: Mpid) -> bool:
        return mpid in self._described


class _ProfileView:
    def __init__(self, graph: MemoryGraph, row: ProfileRow) -> None:
        self._graph = graph
        self.mpid = row.mpid
        self.types = row.types
        self.recency = row.recency
        self.version = row.version
        self.active_ms = row.active_ms

    @property
    def overtaken(self) -> bool:
        mine = {link.identity_id for link in self._graph.open_links(self.mpid) if not link.descriptive}
        return any(
            self._graph.profiles[link.mpid].recency > self.recency
            for link in self._graph.links
            if link.identity_id in mine and link.until_seq is None and not link.descriptive
        )

    def record(self) -> Mapping[Identity, int]:
        return self._links(descriptive=False)

    def descriptions(self) -> Mapping[Identity, int]:
        return self._links(descriptive=True)

    def _links(self, *, descriptive: bool) -> Mapping[Identity, int]:
        return {
            self._graph.value_of(link.identity_id): link.since_seq
            for link in self._graph.open_links(self.mpid)
            if link.descriptive is descriptive
        }


class MemoryView:
    """Implements `idsync.model.view.GraphView`."""

    def __init__(self, graph: MemoryGraph, request: ViewRequest) -> None:
        self._graph = graph
        self._request = request

    def holders(self, identity: Identity) -> _Holders | None:
        """Find the holders of an identity."""
        identity_id = self._graph.ids.get(identity)
        return None if identity_id is None else _Holders(self._graph, identity_id, self._request.login_set)

    def profile(self, mpid: Mpid) -> _ProfileView | None:
        """Find a live profile."""
        row = self._graph.profiles.get(mpid)
        return None if row is None or row.erased else _ProfileView(self._graph, row)

    def aliases(self, mpid: Mpid) -> Sequence[AliasRecord]:
        """Find the alias requests that name a profile."""
        return [
            alias_record(row, self._graph.value_of)
            for row in self._graph.aliases.values()
            if mpid in {row.terms.source, row.terms.destination}
        ]

    @property
    def has_must_nots(self) -> bool:
        """Look for one that stands."""
        return any(row.until_seq is None for row in self._graph.must_nots)

    def must_nots(self, identity: Identity) -> Sequence[MustNot]:
        """Find those that name an identity."""
        standing = [row for row in self._graph.must_nots if row.until_seq is None]
        links = joined(standing, self._graph.value_of)
        return [link for link in links if any(identity in side.identities for side in link.sides)]

    @property
    def has_quarantined(self) -> bool:
        """Look for a quarantine that stands."""
        return any(row.until_seq is None and row.kind == Flag.QUARANTINE for row in self._graph.flags)

    def flags(self, identity: Identity) -> Mapping[Flag, int]:
        """Find the flags of an identity."""
        identity_id = self._graph.ids.get(identity)
        rows = (row for row in self._graph.flags if row.until_seq is None)
        return {Flag(row.kind): row.seq for row in rows if row.identity_id == identity_id}

    @property
    def earlier(self) -> JournalEntry | None:
        """Find the entry with the idempotency key."""
        key = self._request.idempotency_key
        for entry in self._graph.journal:
            if key is not None and (entry.input_id, entry.idempotency_key) == (self._request.input_id, key):
                return from_stored(self._request.graph, entry, self._graph.value_of)
        return None
