"""Everything a store shows of a graph, to compare stores, restarts and replays with each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from idsync.model.aliasing import AliasRecord
from idsync.model.changes import Applied, ChangeSet
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.profile import Link, Profile
from idsync.model.view import ViewRequest
from idsync.store.memory import MemoryStore
from idsync.store.memory_graph import MemoryGraph
from idsync.store.memory_view import MemoryView
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock

__all__ = ["GraphImage", "graph_image", "renamed", "replayed", "retold"]

_ALL: Final = 1_000_000
_END_OF_TIME_MS: Final = 1 << 60


@dataclass(frozen=True, slots=True)
class GraphImage:
    """One graph, whole.

    Attributes:
        entries: The journal.
        profiles: Every profile that was ever created, erased ones included.
        holders: Who holds each value that the journal still names, newest first.
        links: Past and present links of these values.
        pending: Alias requests that wait, of this graph.
    """

    entries: list[JournalEntry]
    profiles: dict[Mpid, Profile]
    holders: dict[Identity, list[Mpid]]
    links: dict[Identity, list[Link]]
    pending: list[AliasRecord]

    def created(self) -> list[Mpid]:
        """List the profiles in the order of their creation."""
        return _created(self.entries)


async def graph_image(store: Store, graph: GraphKey) -> GraphImage:
    """Read everything."""
    entries = await store.entries(graph, 0, _ALL)
    identities = sorted(
        {
            change.identity
            for entry in entries
            for change in entry.changes
            if change.identity is not None and change.identity.value
        }
    )
    pending = await store.pending_aliases(_END_OF_TIME_MS, _ALL)
    return GraphImage(
        entries,
        dict(sorted((await store.profiles(graph, _created(entries))).items())),
        {identity: await store.find_profiles(graph, identity, _ALL) for identity in identities},
        {identity: await store.links_of(graph, identity, _ALL) for identity in identities},
        [record for key, record in pending if key == graph],
    )


def _created(entries: Iterable[JournalEntry]) -> list[Mpid]:
    return [
        change.mpid
        for entry in entries
        for change in entry.changes
        if change.kind is ChangeKind.PROFILE_CREATED
    ]


async def replayed(entries: Sequence[JournalEntry]) -> Store:
    """Write a journal into a fresh memory store, entry by entry, under the MPIDs it names."""
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    for entry in entries:
        clock.now_ms = entry.at_ms
        [result] = await store.apply([retold(entry)])
        assert isinstance(result, Applied)
    return store


def retold(entry: JournalEntry) -> ChangeSet:
    """Give the change set that an entry was, without the conditions it rested on."""
    view = MemoryView(MemoryGraph(), ViewRequest(entry.graph, 0, ()))
    return ChangeSet(
        entry.graph,
        entry.mpid,
        view,
        entry.cause,
        entry.rule,
        entry.changes,
        evidence=entry.evidence,
        request_id=entry.request_id,
        input_id=entry.input_id,
        idempotency_key=entry.idempotency_key,
    )


def renamed(value: Any, names: dict[Mpid, Mpid]) -> Any:
    """Put other names for MPIDs into a value, however deep they are in it.

    MPIDs are far greater than any count, time or position, so that a number that is one means one.
    """
    if isinstance(value, int):
        return names.get(value, value)
    if isinstance(value, dict):
        return {renamed(key, names): renamed(item, names) for key, item in value.items()}
    if isinstance(value, list | tuple | frozenset):
        parts = [renamed(item, names) for item in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(
            **{field.name: renamed(getattr(value, field.name), names) for field in fields(value)}
        )
    return value
