"""A graph that exists in memory only and follows one replay: no journal, no conditions, no versions to hold.

Calls come one after another, so that nothing can come between a look and its commit. Identities and profiles
are the nodes of the embedded store's kind, without what ties them to a disk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from idsync.model.aliasing import AliasRecord
from idsync.model.flag import Flag
from idsync.model.identity import Identity, Mpid, TypeSet
from idsync.model.journal import Change, ChangeKind, JournalEntry
from idsync.model.must_not import MustNot
from idsync.model.standing import UNHELD, Standing
from idsync.store.candidate_must_nots import CandidateMustNots
from idsync.store.candidate_person import Person
from idsync.store.candidate_undo_log import UndoLog
from idsync.store.embedded.nodes import IdentityNode
from idsync.store.embedded.ranking import EMPTY, Solo

__all__ = ["CandidateGraph"]

_CREATED = ChangeKind.PROFILE_CREATED
_ADDED = ChangeKind.IDENTITY_ADDED
_REMOVED = ChangeKind.IDENTITY_REMOVED
_DESCRIBED = ChangeKind.DESCRIPTION_ADDED
_NO_LONGER_DESCRIBED = ChangeKind.DESCRIPTION_REMOVED
_RETURNED = ChangeKind.RETURNED


class CandidateGraph:
    """Implements `idsync.model.view.GraphView`, and `Order` of its holders.

    Args:
        login_set: The login types, which part known from anonymous holders (ID-008).

    Attributes:
        people: Live profiles.
        nodes: Every identity that has or had a holder and still has its value.
        seq: Number of the last commit.
        version: Grows with every change, erasures included; a node's and a person's is that of the last
            change of the person, or of any holder of the node.
        log: What it takes to undo a commit.
        forbidden: The must-not-links.
        quarantined: The quarantined values, each with the commit that did it.
    """

    def __init__(self, login_set: TypeSet) -> None:
        self._login_set = login_set
        self.people: dict[Mpid, Person] = {}
        self.nodes: dict[Identity, IdentityNode] = {}
        self.seq = 0
        self.version = 0
        self.log = UndoLog()
        self.forbidden = CandidateMustNots()
        self.quarantined: dict[Identity, int] = {}
        self.earlier: JournalEntry | None = None

    # -- what a decision sees ------------------------------------------------------------------------------

    def holders(self, identity: Identity) -> IdentityNode | None:
        """Give the holders of an identity."""
        return self.nodes.get(identity)

    def profile(self, mpid: Mpid) -> Person | None:
        """Give a live profile."""
        return self.people.get(mpid)

    def aliases(self, mpid: Mpid) -> Sequence[AliasRecord]:
        """Give nothing: no decision about identities looks at aliases."""
        del mpid
        return ()

    @property
    def has_must_nots(self) -> bool:
        """Say whether any stands."""
        return bool(self.forbidden)

    def must_nots(self, identity: Identity) -> Sequence[MustNot]:
        """Give those that stand and name an identity."""
        return self.forbidden.naming(identity)

    @property
    def has_quarantined(self) -> bool:
        """Say whether any value is quarantined."""
        return bool(self.quarantined)

    def flags(self, identity: Identity) -> Mapping[Flag, int]:
        """Say since which commit a value is quarantined; alarms decide nothing, and are not kept."""
        since = self.quarantined.get(identity)
        return {} if since is None else {Flag.QUARANTINE: since}

    def quarantine(self, identity: Identity) -> None:
        """Let the last commit quarantine a value, which a decision may rest on."""
        self.quarantined[identity] = self.seq
        self.nodes[identity].version = self.version

    def release(self, identity: Identity) -> None:
        """Let the last commit release a value."""
        del self.quarantined[identity]
        node = self.nodes.get(identity)
        if node is not None:
            node.version = self.version

    # -- order ---------------------------------------------------------------------------------------------

    def recency(self, mpid: Mpid) -> int:
        """Give the place of a live profile in the order of ID-011."""
        return self.people[mpid].recency

    def in_order(self, mpids: Sequence[Mpid]) -> list[Mpid]:
        """Sort live profiles, oldest first."""
        return sorted(mpids, key=self.recency)

    # -- what a commit does --------------------------------------------------------------------------------

    def commit(self, changes: Collection[Change], name: Mpid) -> None:
        """Carry out a write, but for must-not-links; a profile that it creates gets the name given."""
        self.seq += 1
        self.version += 1
        placed: dict[Mpid, list[Identity]] = {}
        before: dict[Mpid, tuple[int, bool]] = {}
        for change in changes:
            mpid = change.mpid or name
            if change.kind is _CREATED:
                self.people[mpid] = Person(self, mpid, self.seq)
            if mpid not in before:
                person = self.people[mpid]
                before[mpid] = person.recency, bool(person.types & self._login_set)
                placed[mpid] = []
            self._change(change, self.people[mpid], placed[mpid])
        self.log.note(list(before))
        for mpid, place in before.items():
            self._place(self.people[mpid], place, placed[mpid])

    def bear(self, identities: Sequence[Identity], name: Mpid) -> None:
        """Carry out the write that creates a profile out of values that nobody has, and does no more."""
        self.seq += 1
        self.version += 1
        seq, version, nodes = self.seq, self.version, self.nodes
        person = self.people[name] = Person(self, name, seq)
        person.version = person.born = version
        person.on_record = dict.fromkeys(identities, seq)
        types = 0
        for identity in identities:
            types |= 1 << identity[0]
        person.types = types
        alone = Solo(name)
        known, anonymous = (alone, EMPTY) if types & self._login_set else (EMPTY, alone)
        for identity in identities:
            nodes[identity] = IdentityNode(0, identity[0], identity[1], version, known, anonymous)
        self.log.note((name,))

    def standing(self, identities: Sequence[Identity], named: Mpid | None) -> Standing | None:
        """Say where a call stands, if nobody has its values, or a birth brought just these.

        Args:
            identities: What the call brings.
            named: The profile that the client names.
        """
        nodes = self.nodes
        born: Person | None = None
        for place, identity in enumerate(identities):
            node = nodes.get(identity)
            if node is None:
                if born is not None:
                    return None
            elif born is not None:
                # whatever befalls a value, or its holder, gives it another version
                if node.version != born.born:
                    return None
            elif place:
                return None
            else:
                mpid = next(node.newest(), None)
                born = None if mpid is None else self.people[mpid]
                if born is None or born.born != node.version or len(born.on_record) != len(identities):
                    return None
        if born is None:
            return UNHELD if identities and named is None else None
        return born if named is None or named == born.mpid else None

    def _change(self, change: Change, person: Person, added: list[Identity]) -> None:
        kind, identity = change.kind, change.identity
        if kind is _RETURNED:
            person.recency = self.seq
        if identity is None:
            return
        if kind is _ADDED:
            if identity not in self.nodes:
                self.nodes[identity] = IdentityNode(0, identity.type, identity.value, self.seq)
            person.on_record[identity] = self.seq
            person.types |= 1 << identity.type
            added.append(identity)
        elif kind is _REMOVED:
            since = person.on_record.pop(identity)
            self.log.note_taken(self.seq, identity, person.mpid, since, descriptive=False)
            node = self.nodes[identity]
            node.drop(person.mpid)
            node.version = self.version
            if not any(left.type == identity.type for left in person.on_record):
                person.types &= ~(1 << identity.type)
        elif kind is _DESCRIBED:
            node = self.nodes.setdefault(identity, IdentityNode(0, identity.type, identity.value, self.seq))
            node.described |= {person.mpid}
            person.described = {**person.descriptions(), identity: self.seq}
        elif kind is _NO_LONGER_DESCRIBED:
            node = self.nodes[identity]
            node.described -= {person.mpid}
            node.version = self.version
            since = person.descriptions()[identity]
            self.log.note_taken(self.seq, identity, person.mpid, since, descriptive=True)
            person.described = {i: s for i, s in person.descriptions().items() if i != identity}

    def _place(self, person: Person, before: tuple[int, bool], added: list[Identity]) -> None:
        """Put a changed profile into its place among the holders of its values."""
        nodes, version, mpid = self.nodes, self.version, person.mpid
        is_known = bool(person.types & self._login_set)
        identities = added if before == (person.recency, is_known) else list(person.on_record)
        for identity in identities:
            if identity in person.on_record:
                nodes[identity].put(mpid, is_known=is_known, order=self)
        self._touch(person, version)

    def _touch(self, person: Person, version: int) -> None:
        person.version = version
        nodes = self.nodes
        for identity in person.on_record:
            nodes[identity].version = version
        if person.described:
            for identity in person.described:
                nodes[identity].version = version

    def erase(self, mpid: Mpid) -> None:
        """Remove a profile; values that nobody else has are forgotten."""
        self.version += 1
        person = self.people.pop(mpid)
        self._touch(person, self.version)
        for identity in person.on_record:
            self.nodes[identity].drop(mpid)
        for identity in person.descriptions():
            self.nodes[identity].described -= {mpid}
        for identity in (*person.on_record, *person.descriptions()):
            node = self.nodes.get(identity)
            if node is not None and not (len(node.known) or len(node.anonymous) or node.described):
                del self.nodes[identity]
                self.quarantined.pop(identity, None)

    def sole_owner(self, identity: Identity) -> Mpid | None:
        """Name who alone has an identity on the record, as most have theirs."""
        node = self.nodes.get(identity)
        if node is None:
            return None
        known, anonymous = node.known, node.anonymous
        sole = anonymous if known is EMPTY else known if anonymous is EMPTY else None
        return sole.mpid if type(sole) is Solo else None

    def owners(self, identity: Identity) -> dict[Mpid, int]:
        """Name who has an identity on the record, each with the commit that added it."""
        node, people = self.nodes.get(identity), self.people
        owners: dict[Mpid, int] = {}
        if node is not None:
            for ranked in (node.known, node.anonymous):
                if ranked is not EMPTY:
                    for mpid in ranked.newest_first():
                        owners[mpid] = people[mpid].on_record[identity]
        return owners
