"""One graph in memory: resident nodes, and the fold that adds entries to them before they are on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

from idsync.model.flag import Flag
from idsync.model.identity import Identity, IdentityType, Mpid, TypeSet
from idsync.model.journal import ChangeKind
from idsync.model.must_not import MustNot
from idsync.store.birth import Birth
from idsync.store.embedded.group import NewIdentity
from idsync.store.embedded.loader import Loader
from idsync.store.embedded.membership import Membership
from idsync.store.embedded.nodes import ProfileNode
from idsync.store.embedded.ranking import EMPTY
from idsync.store.embedded.resident_nodes import ResidentNodes
from idsync.store.embedded.standing_flags import StandingFlags
from idsync.store.embedded.standing_must_nots import StandingMustNots
from idsync.store.fold import fold
from idsync.store.rows import AliasRow, FlagRow, IdentityRow, LinkRow, MustNotRow, ProfileRow, StoredEntry

__all__ = ["MANY", "ResidentGraph"]

MANY: Final = 100
"""More records with one value, or values on one record, than this are worth a warning (ID-243)."""
_ERASED: Final = ChangeKind.PROFILE_ERASED
_VALUE_ERASED: Final = ChangeKind.VALUE_ERASED
_log = structlog.get_logger("idsync.store")


class ResidentGraph(ResidentNodes):
    """Implements `idsync.store.fold.Tables` over resident nodes.

    Attributes:
        seq: Position of the newest entry, on disk or not.
        has_must_nots: Whether any must-not-link stands.
        has_quarantined: Whether any value is quarantined.
    """

    def __init__(
        self, graph_id: int, loader: Loader, membership: Membership, *, seq: int, login_set: TypeSet
    ) -> None:
        super().__init__(graph_id, loader, membership, login_set)
        self.seq = seq
        self._group = 0
        self._folding: StoredEntry | None = None
        self._linked: list[tuple[int, Mpid]] = []
        self._must_nots = StandingMustNots(loader.must_nots(graph_id))
        self.has_must_nots = bool(self._must_nots)
        self._flags = StandingFlags(loader.flags(graph_id))
        self.has_quarantined = self._flags.has_quarantined

    # -- changing ------------------------------------------------------------------------------------------

    def reintroduce(self, news: Iterable[NewIdentity], group: int) -> None:
        """Add identities that a group introduced, unless the tables have them already."""
        for new in news:
            if not self._loader.has_identity(self.graph_id, new.identity_id):
                identity = Identity(IdentityType(new.type), new.value)
                self.introduce(new.identity_id, identity).group = group

    def stage_birth(self, birth: Birth, group: int) -> None:
        """Add a birth; it is not on disk before its group is."""
        self.seq = birth.seq
        self.bear(birth, group)

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
                before[mpid] = None if node is None else (node.recency, self.is_known(mpid))
            if change.kind is _ERASED:
                erases = True
                values += [(link.identity_id, self.value_of(link.identity_id)) for link in self.links(mpid)]
            elif change.kind is _VALUE_ERASED:
                assert change.identity_id is not None
                values.append((change.identity_id, self.value_of(change.identity_id)))
        fold(entry, self)
        for identity_id, identity in values:
            if self.identity_node(identity_id).value is None:
                self.by_value[identity.type].pop(identity.value, None)
                # it is there again if the group should fail
                self._absences.end(identity)
        for mpid, place in before.items():
            self._place(mpid, place)
        return erases

    def _place(self, mpid: Mpid, before: tuple[int, bool] | None) -> None:
        """Put a changed profile into its place among the holders of its values."""
        if not mpid:
            return
        node = self.nodes[mpid]
        is_known = self.is_known(mpid)
        assert self._folding is not None
        if before == (node.recency, is_known):
            ids = [identity_id for identity_id, holder in self._linked if holder == mpid]
        else:
            ids = [link.identity_id for link in node.links or () if not link.descriptive]
        for identity_id in ids:
            identity = self.identity_node(identity_id)
            if identity.known is EMPTY and identity.anonymous is EMPTY:
                identity.put(mpid, is_known=is_known, order=self)
                continue
            for other in identity.newest():
                if other != mpid and other in self.nodes:
                    self.nodes[other].overtaken = None
            identity.put(mpid, is_known=is_known, order=self)
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
        node = ProfileNode(
            row.mpid, row.source, row.created_seq, row.created_ms, row.recency, row.active_ms, links=[]
        )
        self._profiles.put(row.mpid, node)

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
            return
        identity.drop(mpid)
        # perhaps it was the one that had overtaken them
        for other in identity.newest():
            if other in self.nodes:
                self.nodes[other].overtaken = None

    def add_alias(self, row: AliasRow) -> None:
        """Add an alias request."""
        self._aliases[row.seq] = (row, self._group)

    def add_must_not(self, row: MustNotRow) -> None:
        """Add a member of a must-not-link."""
        self._must_nots.add(row)
        self.has_must_nots = True

    def end_must_nots(self, seq: int, until_seq: int) -> list[int]:
        """Withdraw what an entry forbade; when is for the tables to keep."""
        del until_seq
        ids = self._must_nots.end(seq)
        self.has_must_nots = bool(self._must_nots)
        return ids

    def must_nots(self, identity_id: int) -> list[MustNot]:
        """List the must-not-links that name an identity."""
        return self._must_nots.naming(identity_id, self.value_of)

    def add_flag(self, row: FlagRow) -> None:
        """Raise a flag."""
        self._flags.add(row)
        self.has_quarantined = self._flags.has_quarantined

    def end_flags(self, identity_id: int, kind: int | None, until_seq: int) -> None:
        """Take flags off; when is for the tables to keep."""
        del until_seq
        self._flags.end(identity_id, kind)
        self.has_quarantined = self._flags.has_quarantined

    def flags(self, identity_id: int) -> Mapping[Flag, int]:
        """Give the flags of an identity."""
        return self._flags.of(identity_id)

    def alias(self, seq: int) -> AliasRow:
        """Give an alias request, about to be changed."""
        if seq not in self._aliases:
            assert self._folding is not None
            # an erasure settles requests of several profiles
            for mpid in dict.fromkeys(change.mpid for change in self._folding.changes):
                for row in self._loader.aliases(self.graph_id, mpid):
                    self._aliases.setdefault(row.seq, (row, self._group))
        row, _ = self._aliases[seq]
        self._aliases[seq] = (row, self._group)
        return row
