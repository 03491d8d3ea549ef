"""The resident part of one graph: an exact overlay over the tables, and a cache of them.

Nodes changed by entries that the tables do not contain yet stay; the others may be dropped for room and are
read again when needed. Nodes refer to each other by id only, so that any of them may be absent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, TypeVar

import structlog

from idsync.model.aliasing import AliasRecord
from idsync.model.identity import Identity, IdentityType, Mpid, TypeSet
from idsync.model.journal import ChangeKind
from idsync.store.codec import alias_record
from idsync.store.embedded.group import NewIdentity
from idsync.store.embedded.loader import Loader
from idsync.store.embedded.nodes import IdentityNode, ProfileNode
from idsync.store.fold import fold
from idsync.store.rows import AliasRow, IdentityRow, LinkRow, ProfileRow, StoredEntry

__all__ = ["MANY", "ResidentGraph"]

MANY: Final = 100
"""More records with one value, or values on one record, than this are worth a warning (ID-243)."""
_log = structlog.get_logger("idsync.store")

N = TypeVar("N", IdentityNode, ProfileNode)


class ResidentGraph:
    """Implements `idsync.store.fold.Tables` over resident nodes, reading what is missing.

    Attributes:
        seq: Position of the newest entry, on disk or not.
        is_complete: Every identity and profile of the graph is resident: a miss is a miss.
    """

    def __init__(
        self, graph_id: int, loader: Loader, *, seq: int, is_complete: bool, login_set: TypeSet
    ) -> None:
        self.graph_id = graph_id
        self.seq = seq
        self.is_complete = is_complete
        self.by_value: defaultdict[int, dict[str, IdentityNode]] = defaultdict(dict)
        self.by_id: dict[int, IdentityNode] = {}
        self.nodes: dict[Mpid, ProfileNode] = {}
        self._aliases: dict[int, tuple[AliasRow, int]] = {}
        self._login_set = login_set
        self._loader = loader
        self._group = 0
        self._folding: StoredEntry | None = None
        self._linked: list[tuple[int, Mpid]] = []

    # -- looking -------------------------------------------------------------------------------------------

    def split_by(self, login_set: TypeSet) -> None:
        """Part known from anonymous holders by these login types from now on (ID-008)."""
        if login_set != self._login_set:
            self._login_set = login_set
            for node in self.by_id.values():
                mpids = [*node.known.newest_first(), *node.anonymous.newest_first()]
                self.ensure_profiles(mpids)
                node.fill([(mpid, self._is_known(mpid)) for mpid in mpids], self._recency)

    def find(self, identity: Identity) -> IdentityNode | None:
        """Give a resident identity."""
        node = self.by_value[identity.type].get(identity.value)
        if node is not None:
            node.used = True
        return node

    def missing(self, identities: Iterable[Identity]) -> list[Identity]:
        """Say which identities must be read before a miss is a miss."""
        if self.is_complete:
            return []
        return [i for i in identities if i.value not in self.by_value[i.type]]

    def load(self, identities: Iterable[Identity]) -> None:
        """Read identities with their holders, as far as they exist."""
        self._adopt(
            [n for n in self._loader.identities(self.graph_id, identities) if n.identity_id not in self.by_id]
        )

    def load_all(self) -> None:
        """Make the whole graph resident."""
        for profile in self._loader.all_profiles(self.graph_id):
            self.nodes[profile.mpid] = profile
        nodes = {n.identity_id: n for n in self._loader.all_identities(self.graph_id)}
        self._fill(nodes, self._loader.all_holders(self.graph_id))
        self.is_complete = True

    def ensure_profiles(self, mpids: Iterable[Mpid]) -> None:
        """Read the profiles that are not resident, as far as they exist."""
        absent = [mpid for mpid in mpids if mpid not in self.nodes]
        if absent and not self.is_complete:
            for node in self._loader.profiles(self.graph_id, absent):
                self.nodes[node.mpid] = node

    def live(self, mpid: Mpid) -> ProfileNode | None:
        """Give a live profile."""
        node = self.nodes.get(mpid)
        if node is None:
            self.ensure_profiles((mpid,))
            node = self.nodes.get(mpid)
        if node is None or node.erased:
            return None
        node.used = True
        return node

    def links(self, mpid: Mpid) -> list[LinkRow]:
        """List the open links of a profile that exists, oldest first."""
        node = self.profile_node(mpid)
        if node.links is None:
            node.links = self._loader.links(self.graph_id, mpid)
        return node.links

    def record(self, mpid: Mpid, *, descriptive: bool) -> dict[Identity, int]:
        """Give the values on the record, or the descriptive ones, oldest first."""
        links = [link for link in self.links(mpid) if link.descriptive is descriptive]
        self._ensure_ids([link.identity_id for link in links])
        return {self.value_of(link.identity_id): link.since_seq for link in links}

    def is_overtaken(self, node: ProfileNode) -> bool:
        """Say whether a profile that shares a value is newer in the order of ID-011."""
        if node.overtaken is None:
            ids = [link.identity_id for link in self.links(node.mpid) if not link.descriptive]
            self._ensure_ids(ids)
            node.overtaken = any(
                self._recency(mpid) > node.recency for i in ids for mpid in self.by_id[i].newest()
            )
        return node.overtaken

    def value_of(self, identity_id: int) -> Identity:
        """Give an identity by id; its value is empty once it was erased."""
        row = self.identity_node(identity_id)
        return Identity(IdentityType(row.type), row.value or "")

    def alias_records(self, mpid: Mpid) -> list[AliasRecord]:
        """Give the alias requests that name a profile, in order of arrival."""
        rows = {row.seq: row for row in self._loader.aliases(self.graph_id, mpid)}
        for row, _ in self._aliases.values():
            if mpid in {row.terms.source, row.terms.destination}:
                rows[row.seq] = row
        return [alias_record(rows[seq], self.value_of) for seq in sorted(rows)]

    # -- changing ------------------------------------------------------------------------------------------

    def introduce(self, identity_id: int, identity: Identity) -> IdentityNode:
        """Add an identity that did not exist."""
        node = IdentityNode(identity_id, int(identity.type), identity.value)
        self.by_id[identity_id] = node
        self.by_value[node.type][identity.value] = node
        return node

    def reintroduce(self, news: Iterable[NewIdentity], group: int) -> None:
        """Add identities that a group introduced, unless the tables have them already."""
        for new in news:
            if not self._loader.identities_by_id(self.graph_id, (new.identity_id,)):
                identity = Identity(IdentityType(new.type), new.value)
                self.introduce(new.identity_id, identity).group = group

    def stage(self, entry: StoredEntry, group: int) -> bool:
        """Add an entry to the resident nodes; it is not on disk before its group is.

        Returns:
            Whether it erases anybody.
        """
        self._group, self._folding = group, entry
        self._linked.clear()
        self.seq = entry.seq
        before: dict[Mpid, tuple[int, bool] | None] = {}
        values: list[tuple[int, Identity]] = []
        erases = False
        for change in entry.changes:
            mpid = change.mpid
            if mpid not in before:
                node = self.nodes.get(mpid)
                before[mpid] = None if node is None else (node.recency, self._is_known(mpid))
            if change.kind is ChangeKind.PROFILE_ERASED:
                erases = True
                values += [(link.identity_id, self.value_of(link.identity_id)) for link in self.links(mpid)]
        fold(entry, self)
        for identity_id, identity in values:
            if self.identity_node(identity_id).value is None:
                self.by_value[identity.type].pop(identity.value, None)
        for mpid, place in before.items():
            self._place(mpid, place)
        return erases

    def _place(self, mpid: Mpid, before: tuple[int, bool] | None) -> None:
        """Put a changed profile into its place among the holders of its values."""
        node = self.nodes[mpid]
        is_known = self._is_known(mpid)
        assert self._folding is not None
        if before == (node.recency, is_known):
            ids = [identity_id for identity_id, holder in self._linked if holder == mpid]
        else:
            ids = [link.identity_id for link in node.links or () if not link.descriptive]
        for identity_id in ids:
            identity = self.identity_node(identity_id)
            for other in identity.newest():
                if other != mpid and other in self.nodes:
                    self.nodes[other].overtaken = None
            identity.put(mpid, is_known=is_known, recency_of=self._recency)
            if (
                len(identity.known) + len(identity.anonymous) == MANY + 1
                and (identity_id, mpid) in self._linked
            ):
                _log.warning(
                    "value_on_many_records",
                    identity_type=IdentityType(identity.type).wire_name,
                    identity_id=identity_id,
                    records_more_than=MANY,
                )
        if node.size == MANY + 1 and self._linked:
            _log.warning("record_with_many_values", mpid=mpid, values_more_than=MANY)
        if ids or node.overtaken:
            node.overtaken = False if node.recency == self._folding.seq else None

    def sweep(self, keep: int, tables_contain: int, at_once: int) -> None:
        """Drop nodes that nobody looked at since the last sweep, where more than `keep` are resident.

        `tables_contain` is the number of the last group that the tables contain: later nodes stay.
        """
        for node in _droppable(self.by_id, keep, tables_contain, at_once):
            self.is_complete = False
            if node.value is not None:
                self.by_value[node.type].pop(node.value, None)
        for _ in _droppable(self.nodes, keep, tables_contain, at_once):
            self.is_complete = False

    def drop_aliases(self, tables_contain: int) -> None:
        """Drop alias requests that the tables contain as they are."""
        for seq in [seq for seq, (_, group) in self._aliases.items() if group <= tables_contain]:
            del self._aliases[seq]

    # -- the fold's tables ---------------------------------------------------------------------------------

    def identity(self, identity_id: int) -> IdentityRow:
        """Give an identity, about to be changed."""
        node = self.identity_node(identity_id)
        node.group = self._group
        return node

    def is_held(self, identity_id: int) -> bool:
        """Say whether any open link leads to the identity."""
        node = self.identity_node(identity_id)
        return bool(len(node.known) or len(node.anonymous) or node.described)

    def profile(self, mpid: Mpid) -> ProfileRow:
        """Give a profile, about to be changed."""
        node = self.profile_node(mpid)
        node.group = self._group
        return node

    def add_profile(self, row: ProfileRow) -> None:
        """Add a profile."""
        self.nodes[row.mpid] = ProfileNode(
            row.mpid, row.source, row.created_seq, row.created_ms, row.recency, row.active_ms, links=[]
        )

    def open_links(self, mpid: Mpid) -> Sequence[LinkRow]:
        """List the open links of a profile."""
        return self.links(mpid)

    def add_link(self, row: LinkRow) -> None:
        """Open a link."""
        self.links(row.mpid).append(row)
        if row.descriptive:
            node = self.identity_node(row.identity_id)
            node.described |= {row.mpid}
        else:
            self._linked.append((row.identity_id, row.mpid))

    def close_link(self, identity_id: int, mpid: Mpid, seq: int, *, descriptive: bool) -> None:
        """Close a link; when it was closed is for the tables to keep."""
        del seq
        node = self.profile_node(mpid)
        node.links = [
            link
            for link in self.links(mpid)
            if not (link.identity_id == identity_id and link.descriptive is descriptive)
        ]
        identity = self.identity_node(identity_id)
        if descriptive:
            identity.described -= {mpid}
        else:
            identity.drop(mpid)

    def add_alias(self, row: AliasRow) -> None:
        """Add an alias request."""
        self._aliases[row.seq] = (row, self._group)

    def alias(self, seq: int) -> AliasRow:
        """Give an alias request, about to be changed."""
        if seq not in self._aliases:
            assert self._folding is not None
            for row in self._loader.aliases(self.graph_id, self._folding.mpid):
                self._aliases.setdefault(row.seq, (row, self._group))
        row, _ = self._aliases[seq]
        self._aliases[seq] = (row, self._group)
        return row

    # -- nodes ---------------------------------------------------------------------------------------------

    def identity_node(self, identity_id: int) -> IdentityNode:
        """Give an identity that exists, by id."""
        node = self.by_id.get(identity_id)
        if node is None:
            self._ensure_ids((identity_id,))
            node = self.by_id[identity_id]
        return node

    def profile_node(self, mpid: Mpid) -> ProfileNode:
        """Give a profile that exists, erased or not."""
        node = self.nodes.get(mpid)
        if node is None:
            self.ensure_profiles((mpid,))
            node = self.nodes[mpid]
        return node

    def _ensure_ids(self, ids: Iterable[int]) -> None:
        absent = [i for i in ids if i not in self.by_id]
        if absent:
            self._adopt(self._loader.identities_by_id(self.graph_id, absent))

    def _adopt(self, nodes: list[IdentityNode]) -> None:
        by_id = {node.identity_id: node for node in nodes}
        if by_id:
            links = self._loader.holders(self.graph_id, list(by_id))
            self.ensure_profiles({mpid for _, mpid, descriptive in links if not descriptive})
            self._fill(by_id, links)

    def _fill(self, nodes: dict[int, IdentityNode], links: list[tuple[int, Mpid, int]]) -> None:
        holders: defaultdict[int, list[tuple[Mpid, bool]]] = defaultdict(list)
        for identity_id, mpid, descriptive in links:
            if descriptive:
                if identity_id in nodes:
                    nodes[identity_id].described |= {mpid}
            else:
                holders[identity_id].append((mpid, self._is_known(mpid)))
        for identity_id, node in nodes.items():
            node.fill(holders[identity_id], self._recency)
            self.by_id[identity_id] = node
            if node.value is not None:
                self.by_value[node.type][node.value] = node

    def _is_known(self, mpid: Mpid) -> bool:
        return bool(self.nodes[mpid].types & self._login_set)

    def _recency(self, mpid: Mpid) -> int:
        return self.profile_node(mpid).recency


def _droppable(nodes: dict[int, N], keep: int, tables_contain: int, at_once: int) -> list[N]:
    """Take out of `nodes` what may go; what was looked at gets a second chance at the other end."""
    excess = max(min(len(nodes) - keep, at_once), 0)
    dropped = []
    for key in list(islice(nodes, 2 * excess)):
        node = nodes.pop(key)
        if node.used or node.group > tables_contain:
            node.used = False
            nodes[key] = node
        else:
            dropped.append(node)
    return dropped
