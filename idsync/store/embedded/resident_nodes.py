"""The resident nodes of one graph: an exact cache of the tables, and what these do not contain yet.

Nodes changed by entries that the tables do not contain yet stay; the others may be dropped for room and are
read again when needed. Nodes refer to each other by id only, so that any of them may be absent.

A node that is absent is in the tables as it is, because nothing that changed since is ever dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from idsync.model.aliasing import AliasRecord
from idsync.model.identity import Identity, IdentityType, Mpid, TypeSet
from idsync.model.standing import UNHELD, Standing
from idsync.model.view import ViewRequest
from idsync.store.birth import Birth
from idsync.store.codec import alias_record
from idsync.store.embedded.absences import Absences
from idsync.store.embedded.adoption import adopted, rank_alone
from idsync.store.embedded.loader import IdentityRead, Loader, digest
from idsync.store.embedded.membership import Membership
from idsync.store.embedded.newborns import Newborn, Newborns, grown_up
from idsync.store.embedded.nodes import IdentityNode, ProfileNode
from idsync.store.embedded.ranking import ranked
from idsync.store.embedded.second_chance import SecondChance
from idsync.store.rows import AliasRow, LinkRow

__all__ = ["ResidentNodes"]

_NEWBORNS_SHARE: Final = 4
"""One part in so many of the room is left to births at least: whoever is new is not the first to go."""


class ResidentNodes:
    """Looks at the nodes of one graph, reading what is missing; implements `ranking.Order`.

    Args:
        graph_id: The graph's number.
        loader: Reads the tables.
        membership: Rules out identities without a query; told of every new one.
        login_set: The login types, which part known from anonymous holders (ID-008).
    """

    def __init__(self, graph_id: int, loader: Loader, membership: Membership, login_set: TypeSet) -> None:
        self.graph_id = graph_id
        self.by_value: defaultdict[int, dict[str, IdentityNode | Newborn]] = defaultdict(dict)
        self._newborns = Newborns()
        self._identities: SecondChance[IdentityNode] = SecondChance()
        self._profiles: SecondChance[ProfileNode] = SecondChance()
        self.by_id = self._identities.nodes
        self.nodes = self._profiles.nodes
        self._aliases: dict[int, tuple[AliasRow, int]] = {}
        self._absences = Absences(membership)
        self._login_set = login_set
        self._loader = loader

    def __len__(self) -> int:
        return max(len(self.by_id), len(self.nodes)) + len(self._newborns)

    def __contains__(self, mpid: object, /) -> bool:
        """Say whether a profile is resident."""
        return mpid in self.nodes or mpid in self._newborns.by_mpid

    # -- identities ----------------------------------------------------------------------------------------

    def find(self, identity: Identity) -> IdentityNode | None:
        """Give a resident identity."""
        node = self.by_value[identity.type].get(identity.value)
        if isinstance(node, Newborn):
            self._grow_up(node)
            return self.find(identity)
        if node is not None:
            node.used = True
        return node

    def seek(self, identity: Identity) -> IdentityNode | None:
        """Give an identity, read if need be."""
        node = self.find(identity)
        if node is None and identity not in self._absences.known:
            self.load(self.missing((identity,)))
            node = self.find(identity)
        return node

    def resident_ids(self, identities: Iterable[Identity]) -> list[int]:
        """Give the ids of identities, 0 for those that are not resident."""
        by_value = self.by_value
        ids: list[int] = []
        for identity in identities:
            node = by_value[identity[0]].get(identity[1])
            if node is None:
                ids.append(0)
            elif isinstance(node, Newborn):
                birth = node.birth
                ids.append(birth.first_id + birth.types.index(identity[0]))
            else:
                ids.append(node.identity_id)
        return ids

    def missing(self, identities: Iterable[Identity]) -> dict[Identity, bytes]:
        """Say which identities must be read before a miss is a miss, with their digests.

        Where one must be read the others are read along: that costs no more than to rule them out.
        """
        wanted: dict[Identity, bytes] = {}
        by_value, absences = self.by_value, self._absences
        for identity in identities:
            if identity[1] in by_value[identity[0]] or identity in absences.known:
                continue
            if wanted or not absences.shown(identity):
                wanted[identity] = digest(identity.value.encode())
        return wanted

    def load(self, wanted: Mapping[Identity, bytes]) -> None:
        """Read identities with their holders, as far as they exist."""
        if not wanted:
            return
        self._adopt(self._loader.identities(self.graph_id, wanted))
        for identity, key in wanted.items():
            if identity.value not in self.by_value[identity.type]:
                self._absences.note(identity, key)

    def introduce(self, identity_id: int, identity: Identity) -> IdentityNode:
        """Add an identity that did not exist."""
        node = IdentityNode(identity_id, int(identity.type), identity.value)
        self._identities.put(identity_id, node)
        self.by_value[node.type][identity.value] = node
        return node

    def identity_node(self, identity_id: int) -> IdentityNode:
        """Give an identity that exists, by id."""
        node = self.by_id.get(identity_id)
        if node is None:
            self.ensure_ids((identity_id,))
            if identity_id not in self.by_id:
                self._grow_up(self._newborns.bearing(identity_id))
            node = self.by_id[identity_id]
        return node

    def ensure_ids(self, ids: Iterable[int]) -> None:
        """Read the identities that are not resident, as far as they exist."""
        absent = [i for i in ids if i not in self.by_id]
        if absent:
            self._adopt(self._loader.identities_by_id(self.graph_id, absent))

    def value_of(self, identity_id: int) -> Identity:
        """Give an identity by id; its value is empty once it was erased."""
        row = self.identity_node(identity_id)
        return Identity(IdentityType(row.type), row.value or "")

    def _adopt(self, rows: Iterable[IdentityRead]) -> None:
        for node in adopted(rows, self._identities, self._profiles, self._login_set):
            if node.value is not None:
                self.by_value[node.type][node.value] = node

    def split_by(self, login_set: TypeSet) -> None:
        """Part known from anonymous holders by these login types from now on (ID-008)."""
        if login_set != self._login_set:
            self._login_set = login_set
            for node in self.by_id.values():
                mpids = self.in_order([*node.known.newest_first(), *node.anonymous.newest_first()])
                self.ensure_profiles(mpids)
                node.known = ranked([mpid for mpid in mpids if self.is_known(mpid)])
                node.anonymous = ranked([mpid for mpid in mpids if not self.is_known(mpid)])

    def standing(self, wanted: ViewRequest) -> Standing | None:
        """Say where a call stands that looks for these identities, and by name for no other profile."""
        by_value, born, identities = self.by_value, None, wanted.identities
        for place, identity in enumerate(identities):
            found = by_value[identity[0]].get(identity[1])
            if isinstance(found, IdentityNode) or (place and found is not born):
                return None
            born = found
        if born is None:
            return None if wanted.profiles or not identities or self.missing(identities) else UNHELD
        if len(identities) != len(born.birth.types) or any(mpid != born.mpid for mpid in wanted.profiles):
            return None
        return born

    # -- births --------------------------------------------------------------------------------------------

    def bear(self, birth: Birth, group: int) -> None:
        """Add a birth whose identities did not exist; its nodes are made when somebody asks for one."""
        newborn = Newborn(birth, group)
        self._newborns.put(newborn)
        for identity_type, value in zip(birth.types, birth.values, strict=True):
            self.by_value[identity_type][value] = newborn

    def _grow_up(self, newborn: Newborn) -> None:
        """Make nodes of a birth."""
        profile, identities = grown_up(newborn)
        self._newborns.take(newborn)
        self._profiles.put(profile.mpid, profile)
        rank_alone(profile, identities, self._login_set)
        for node in identities:
            self._identities.put(node.identity_id, node)
            self.by_value[node.type][node.value or ""] = node

    # -- profiles ------------------------------------------------------------------------------------------

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

    def profile_node(self, mpid: Mpid) -> ProfileNode:
        """Give a profile that exists, erased or not."""
        node = self.nodes.get(mpid)
        if node is None:
            self.ensure_profiles((mpid,))
            node = self.nodes[mpid]
        return node

    def ensure_profiles(self, mpids: Iterable[Mpid]) -> None:
        """Read the profiles that are not resident, as far as they exist."""
        absent = [mpid for mpid in mpids if mpid not in self.nodes]
        newborns = self._newborns.by_mpid
        for mpid in absent:
            if mpid in newborns:
                self._grow_up(newborns[mpid])
        absent = [mpid for mpid in absent if mpid not in self.nodes]
        if absent:
            for node in self._loader.profiles(self.graph_id, absent):
                self._profiles.put(node.mpid, node)

    def is_known(self, mpid: Mpid) -> bool:
        """Say whether a profile that exists has a login ID (ID-008)."""
        return bool(self.profile_node(mpid).types & self._login_set)

    def recency(self, mpid: Mpid) -> int:
        """Give the place of a profile that exists in the order of ID-011."""
        return self.profile_node(mpid).recency

    def in_order(self, mpids: Sequence[Mpid]) -> list[Mpid]:
        """Sort profiles that exist by the order of ID-011, oldest first; none becomes resident for that."""
        places = {mpid: self.nodes[mpid].recency for mpid in mpids if mpid in self.nodes}
        absent = [mpid for mpid in mpids if mpid not in places]
        places.update(self._loader.recencies(self.graph_id, absent))
        return sorted(places, key=places.__getitem__)

    def links(self, mpid: Mpid) -> list[LinkRow]:
        """List the open links of a profile that exists, oldest first."""
        node = self.profile_node(mpid)
        if node.links is None:
            node.links = self._loader.links(self.graph_id, mpid)
        return node.links

    def record(self, mpid: Mpid, *, descriptive: bool) -> dict[Identity, int]:
        """Give the values on the record, or the descriptive ones, oldest first."""
        links = [link for link in self.links(mpid) if link.descriptive is descriptive]
        self.ensure_ids([link.identity_id for link in links])
        return {self.value_of(link.identity_id): link.since_seq for link in links}

    def is_overtaken(self, node: ProfileNode) -> bool:
        """Say whether a profile that shares a value is newer in the order of ID-011."""
        if node.overtaken is None:
            ids = [link.identity_id for link in self.links(node.mpid) if not link.descriptive]
            self.ensure_ids(ids)
            node.overtaken = any(
                self.recency(mpid) > node.recency for i in ids for mpid in self.by_id[i].newest()
            )
        return node.overtaken

    def alias_records(self, mpid: Mpid) -> list[AliasRecord]:
        """Give the alias requests that name a profile, in order of arrival."""
        rows = {row.seq: row for row in self._loader.aliases(self.graph_id, mpid)}
        for row, _ in self._aliases.values():
            if mpid in {row.terms.source, row.terms.destination}:
                rows[row.seq] = row
        return [alias_record(rows[seq], self.value_of) for seq in sorted(rows)]

    # -- room ----------------------------------------------------------------------------------------------

    def sweep(self, keep: int, tables_contain: int) -> None:
        """Drop nodes that nobody looked at since the last sweep, where more than `keep` are resident.

        `tables_contain` is the number of the last group that the tables contain: later nodes stay.
        """
        room = max(keep - len(self.by_id), keep // _NEWBORNS_SHARE)
        for newborn in self._newborns.evict(room, tables_contain):
            for identity_type, value in zip(newborn.birth.types, newborn.birth.values, strict=True):
                self._absences.end(Identity(IdentityType(identity_type), value))
                del self.by_value[identity_type][value]
        keep = max(keep - len(self._newborns), 0)
        for node in self._identities.evict(keep, tables_contain):
            if node.value is not None:
                if not node.is_member:
                    self._absences.end(Identity(IdentityType(node.type), node.value))
                self.by_value[node.type].pop(node.value, None)
        self._profiles.evict(keep, tables_contain)

    def let_go(self) -> None:
        """Know of everything that is resident: all of it is about to be forgotten."""
        for newborn in self._newborns.by_mpid.values():
            newborn.is_resident = False
            for identity_type, value in zip(newborn.birth.types, newborn.birth.values, strict=True):
                self._absences.end(Identity(IdentityType(identity_type), value))
        for node in self.by_id.values():
            if node.value is not None and not node.is_member:
                self._absences.end(Identity(IdentityType(node.type), node.value))

    def drop_aliases(self, tables_contain: int) -> None:
        """Drop alias requests that the tables contain as they are."""
        for seq in [seq for seq, (_, group) in self._aliases.items() if group <= tables_contain]:
            del self._aliases[seq]
