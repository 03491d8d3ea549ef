"""One transaction for all change sets of a round.

The counter row of each graph is its queue: it is held from the look at the conditions to the commit, so that
positions are given in the order of commits and nobody else writes to the graph meanwhile.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import NEW, ChangeKind
from idsync.store.codec import to_stored
from idsync.store.fold import fold, forgotten
from idsync.store.minting import MpidMint
from idsync.store.postgres import statements
from idsync.store.postgres.address import Connection
from idsync.store.postgres.sealing import forget_texts
from idsync.store.postgres.tables import GraphTables
from idsync.store.rows import StoredEntry
from idsync.store.sql.free_text import escaped

__all__ = ["Round", "Written"]

_MARK_BITS = 63
_SETTLING: Final = frozenset({ChangeKind.ALIAS_IGNORED, ChangeKind.ALIAS_APPLIED})
_WITHDRAWING: Final = frozenset({ChangeKind.PERMITTED})


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction is recognised by when its outcome is in doubt: the first entry it gave a graph."""

    graph_id: int
    seq: int
    mark: int


@dataclass(slots=True)
class _Graph:
    """One graph while it is held."""

    graph_id: int
    tables: GraphTables
    base_seq: int
    used_keys: set[tuple[str, str]]
    newest: dict[int, int]
    entries: list[StoredEntry] = field(default_factory=list)
    erased: list[tuple[Mpid, int]] = field(default_factory=list)


class Round:
    """The change sets of one call of `apply`, within one transaction.

    Args:
        changes: What to commit.
        in_order: Whether all after a stale one are stale too.
        clock: UTC milliseconds.
        mint: Names new profiles.
        graph_ids: The graphs known so far.
    """

    def __init__(
        self,
        changes: Sequence[ChangeSet],
        *,
        in_order: bool,
        clock: Callable[[], int],
        mint: MpidMint,
        graph_ids: Mapping[GraphKey, int],
    ) -> None:
        self._changes = changes
        self._in_order = in_order
        self._clock = clock
        self._mint = mint
        self._graph_ids = graph_ids
        self._graphs: dict[GraphKey, _Graph] = {}
        self.mark = secrets.randbits(_MARK_BITS)

    async def stage(self, connection: Connection) -> list[Applied | Stale]:
        """Hold the graphs, compare the conditions and write what holds; the commit is the caller's."""
        for key in sorted({change_set.graph for change_set in self._changes}):
            mine = [change_set for change_set in self._changes if change_set.graph == key]
            graph_id = self._graph_ids.get(key) or await _graph_id(connection, key)
            self._graphs[key] = await _hold(connection, graph_id, mine)
        results: list[Applied | Stale] = []
        for change_set in self._changes:
            if self._in_order and results and isinstance(results[-1], Stale):
                results.append(Stale())
            else:
                results.append(self._apply(change_set, self._graphs[change_set.graph]))
        for key, graph in self._graphs.items():
            if graph.entries:
                await graph.tables.write(connection, graph.entries, graph.entries[-1].seq, self.mark)
            if graph.erased:
                await forget_texts(connection, graph.graph_id, key, graph.erased)
        return results

    @property
    def written(self) -> list[Written]:
        """What was written, by graph; nothing if all were stale or changed nothing."""
        return [
            Written(graph.graph_id, graph.entries[0].seq, self.mark)
            for graph in self._graphs.values()
            if graph.entries
        ]

    def _apply(self, change_set: ChangeSet, graph: _Graph) -> Applied | Stale:
        if not _holds(change_set, graph):
            return Stale()
        if not change_set.changes:
            return Applied(change_set.mpid, 0, None)
        mpid = change_set.mpid
        if mpid == NEW and change_set.changes[0].kind is ChangeKind.PROFILE_CREATED:
            mpid = self._mint.next()
        seq = graph.base_seq + len(graph.entries) + 1
        entry = to_stored(change_set, seq, self._clock(), mpid, graph.tables.id_of)
        fold(entry, graph.tables)
        graph.entries.append(entry)
        graph.erased += [(erased, seq) for erased in forgotten(entry)]
        if change_set.idempotency_key is not None:
            graph.used_keys.add((change_set.input_id, change_set.idempotency_key))
        return Applied(mpid, seq, None)


async def _graph_id(connection: Connection, key: GraphKey) -> int:
    """Give the number of a graph, a new one if need be: it stands if this transaction adds an entry."""
    name = (key.scope, int(key.environment))
    graph_id: int | None = await connection.fetchval(statements.GRAPH, *name)
    if graph_id is None:
        await connection.execute(statements.NEW_GRAPH, *name)
        graph_id = await connection.fetchval(statements.GRAPH, *name)
        assert graph_id is not None, "it is there, whoever made it"
    return graph_id


async def _hold(connection: Connection, graph_id: int, mine: Sequence[ChangeSet]) -> _Graph:
    """Take the counter row, then load all that the change sets rest on and touch."""
    last_seq, last_identity_id = await connection.fetchrow(statements.HOLD_GRAPH, graph_id)
    tables = GraphTables(graph_id, last_identity_id)
    overtaken = {each.mpid for each in mine if each.overtaken is not None}
    changed = {c.mpid for each in mine for c in each.changes if c.mpid != NEW}
    named = {c.other for each in mine for c in each.changes if c.other is not None}
    await tables.load(
        connection,
        identities=_identities(mine),
        profiles={*named, *(mpid for each in mine for mpid in each.profiles)},
        records=overtaken | changed,
        aliases=_named_by(mine, _SETTLING),
        must_nots=_named_by(mine, _WITHDRAWING),
    )
    newest = await _newest(connection, tables, overtaken)
    keys = {(each.input_id, each.idempotency_key) for each in mine if each.idempotency_key is not None}
    return _Graph(graph_id, tables, last_seq, await _used(connection, graph_id, keys), newest)


def _named_by(mine: Sequence[ChangeSet], kinds: Collection[ChangeKind]) -> set[int]:
    """Collect the entries that changes of some kinds refer to."""
    return {c.alias_seq for each in mine for c in each.changes if c.alias_seq and c.kind in kinds}


def _identities(mine: Sequence[ChangeSet]) -> set[Identity]:
    """Collect every identity that change sets name."""
    found: set[Identity] = set()
    for each in mine:
        found.update(each.identities)
        found.update(each.evidence.asked, each.evidence.matched)
        if each.evidence.decided_by is not None:
            found.add(each.evidence.decided_by)
        for change in each.changes:
            if change.identity is not None:
                found.add(change.identity)
            if change.terms is not None and change.terms.stamp is not None:
                found.add(change.terms.stamp)
    return found


async def _newest(connection: Connection, tables: GraphTables, mpids: Collection[Mpid]) -> dict[int, int]:
    """Give the greatest recency among the holders of every identity on these records."""
    ids = {
        x.identity_id
        for m in mpids
        if m in tables.profiles
        for x in tables.open_links(m)
        if not x.descriptive
    }
    keys = [(identity_id, kind) for identity_id in ids for kind in tables.kinds_of(identity_id)]
    if not keys:
        return {}
    arrays = ([identity_id for identity_id, _ in keys], [kind for _, kind in keys])
    return dict(await connection.fetch(statements.NEWEST, tables.graph_id, *arrays))


async def _used(
    connection: Connection, graph_id: int, keys: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Give those idempotency keys that an entry carries already."""
    if not keys:
        return set()
    spelled = {(escaped(input_id), escaped(key)): (input_id, key) for input_id, key in keys}
    arrays = ([input_id for input_id, _ in spelled], [key for _, key in spelled])
    rows = await connection.fetch(statements.ENTRIES_BY_KEY, graph_id, *arrays)
    return {spelled[row["input_id"], row["idempotency_key"]] for row in rows}


def _holds(change_set: ChangeSet, graph: _Graph) -> bool:
    """Compare the conditions of a change set with what is there now, earlier ones of the round included."""
    tables = graph.tables
    for identity, version in change_set.identities.items():
        row = tables.find(identity)
        if (0 if row is None else row.version) != version:
            return False
    for mpid, version in change_set.profiles.items():
        profile = tables.profiles.get(mpid)
        if profile is None or profile.version != version:
            return False
    if change_set.overtaken is not None and not _is_placed(change_set, graph):
        return False
    key = change_set.idempotency_key
    return key is None or (change_set.input_id, key) not in graph.used_keys


def _is_placed(change_set: ChangeSet, graph: _Graph) -> bool:
    """Say whether a profile still is, or is not, overtaken.

    Where an earlier change set of the round changed who holds one of its values that is not compared: to look
    again is always right.
    """
    profile = graph.tables.profiles.get(change_set.mpid)
    if profile is None or profile.erased:
        return False
    ids = [x.identity_id for x in graph.tables.open_links(change_set.mpid) if not x.descriptive]
    if any(graph.tables.identity(i).version > graph.base_seq for i in ids):
        return False
    overtaken = any(graph.newest.get(i, 0) > profile.recency for i in ids)
    return overtaken is change_set.overtaken
