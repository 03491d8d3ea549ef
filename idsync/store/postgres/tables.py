"""The rows of one graph that a transaction touches: fetched and written with arrays, folded in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import orjson

from idsync.model.flag import Flag
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.store.codec import pack
from idsync.store.postgres import statements
from idsync.store.postgres.address import Connection
from idsync.store.postgres.rows import (
    DESCRIPTIVE,
    HeldIdentity,
    alias_row,
    digest,
    held_identity,
    link_row,
    pack_flags,
    pack_holders,
    profile_row,
    value_keys,
)
from idsync.store.rows import (
    AliasRow,
    FlagRow,
    IdentityRow,
    LinkRow,
    MustNotRow,
    ProfileRow,
    StoredEntry,
    profile_columns,
)
from idsync.store.sql.free_text import escaped

__all__ = ["GraphTables"]

_COLUMNS: Final = {
    "identity": 8,
    "profile": 11,
    "link": 8,
    "alias": 13,
    "must_not": 6,
    "flag": 4,
    "journal": 10,
}


class GraphTables:
    """Implements `idsync.store.fold.Tables`; every row that the fold asks for was loaded or added before.

    Args:
        graph_id: Which graph.
        last_identity_id: The greatest id given so far.
    """

    def __init__(self, graph_id: int, last_identity_id: int) -> None:
        self.graph_id = graph_id
        self.last_identity_id = last_identity_id
        self.profiles: dict[Mpid, ProfileRow] = {}
        self._identities: dict[int, HeldIdentity] = {}
        self._by_value: dict[Identity, IdentityRow] = {}
        self._links: dict[Mpid, list[LinkRow]] = {}
        self._aliases: dict[int, AliasRow] = {}
        self._held: defaultdict[int, int] = defaultdict(int)
        self._versions: dict[Mpid, int] = {}
        self._identity_versions: dict[int, int] = {}
        self._places: dict[Mpid, tuple[int, int]] = {}
        self._kinds: dict[Mpid, list[tuple[int, int]]] = {}
        self._recounted: set[int] = set()
        self._touched_aliases: set[int] = set()
        self._must_nots: dict[tuple[int, int], MustNotRow] = {}
        self._touched_must_nots: set[tuple[int, int]] = set()
        self._touched_flags: list[FlagRow] = []
        self._touched_links: dict[tuple[int, Mpid, int], LinkRow] = {}
        self._new_profiles: list[Mpid] = []

    # -- loading -------------------------------------------------------------------------------------------

    async def load(
        self,
        connection: Connection,
        identities: Collection[Identity] = (),
        identity_ids: Collection[int] = (),
        profiles: Collection[Mpid] = (),
        records: Collection[Mpid] = (),
        aliases: Collection[int] = (),
        must_nots: Collection[int] = (),
    ) -> None:
        """Fetch rows, as they are at this moment.

        Args:
            connection: In the transaction that holds the graph.
            identities: By value.
            identity_ids: By id.
            profiles: Profiles alone.
            records: Profiles with their open links and what these lead to.
            aliases: Alias requests by position.
            must_nots: What these entries forbade, with the identities that are named.
        """
        if identities:
            keys = value_keys(identities)
            self._add(await connection.fetch(statements.IDENTITIES_BY_VALUE, self.graph_id, *keys))
        wanted = {*profiles, *records} - self.profiles.keys()
        if wanted:
            for row in await connection.fetch(statements.PROFILES, self.graph_id, list(wanted)):
                self.profiles[row[0]] = profile = profile_row(row)
                self._versions[profile.mpid] = profile.version
                self._places[profile.mpid] = (profile.types, profile.recency)
        linked = [mpid for mpid in {*records} - self._links.keys() if mpid in self.profiles]
        if linked:
            self._links.update((mpid, []) for mpid in linked)
            for row in await connection.fetch(statements.LINKS_OF, self.graph_id, linked):
                self._links[row[1]].append(link_row(row))
            for mpid in linked:
                self._kinds[mpid] = self._kinds_now(mpid)
        ids = {link.identity_id for mpid in linked for link in self._links[mpid]}
        if must_nots:
            for row in await connection.fetch(statements.MUST_NOTS_BY_SEQ, self.graph_id, list(must_nots)):
                member = MustNotRow(*row)
                self._must_nots[member.seq, member.position] = member
                if member.identity_id is not None:
                    ids.add(member.identity_id)
        missing = ids.union(identity_ids) - self._identities.keys()
        if missing:
            self._add(await connection.fetch(statements.IDENTITIES_BY_ID, self.graph_id, list(missing)))
        if aliases:
            for row in await connection.fetch(statements.ALIASES_BY_SEQ, self.graph_id, list(aliases)):
                self._aliases[row[0]] = alias_row(row)

    def _add(self, rows: Iterable[Any]) -> None:
        for row in rows:
            held = held_identity(row)
            if held.row.identity_id in self._identities:
                continue
            self._identities[held.row.identity_id] = held
            self._identity_versions[held.row.identity_id] = held.row.version
            self._held[held.row.identity_id] = sum(held.holders.values())
            if held.row.value is not None:
                self._by_value[Identity(IdentityType(held.row.type), held.row.value)] = held.row

    def find(self, identity: Identity) -> IdentityRow | None:
        """Give an identity by value, if it was loaded or added and still has its value."""
        row = self._by_value.get(identity)
        return None if row is None or row.value is None else row

    def id_of(self, identity: Identity) -> int:
        """Give the id of an identity, a new one if it is unknown."""
        row = self.find(identity)
        if row is None:
            self.last_identity_id += 1
            row = IdentityRow(self.last_identity_id, int(identity.type), identity.value)
            self.add_identity(row)
            self._by_value[identity] = row
        return row.identity_id

    def add_identity(self, row: IdentityRow) -> None:
        """Add an identity that nobody holds."""
        self._identities[row.identity_id] = HeldIdentity(row)

    def kinds_of(self, identity_id: int) -> Collection[int]:
        """Say of what kinds those were that held a loaded identity on the record."""
        return [k for k, count in self._identities[identity_id].holders.items() if count and k != DESCRIPTIVE]

    # -- the fold ------------------------------------------------------------------------------------------

    def identity(self, identity_id: int) -> IdentityRow:
        """Give an identity."""
        return self._identities[identity_id].row

    def is_held(self, identity_id: int) -> bool:
        """Say whether an open link leads to the identity."""
        return self._held[identity_id] > 0

    def profile(self, mpid: Mpid) -> ProfileRow:
        """Give a profile."""
        return self.profiles[mpid]

    def add_profile(self, row: ProfileRow) -> None:
        """Add a profile."""
        self.profiles[row.mpid] = row
        self._links[row.mpid] = []
        self._kinds[row.mpid] = []
        self._new_profiles.append(row.mpid)

    def open_links(self, mpid: Mpid) -> Sequence[LinkRow]:
        """List the open links of a profile, oldest first."""
        return self._links[mpid]

    def add_link(self, row: LinkRow) -> None:
        """Open a link."""
        self._links[row.mpid].append(row)
        self._touched_links[row.identity_id, row.mpid, row.since_seq] = row
        self._held[row.identity_id] += 1

    def close_link(self, identity_id: int, mpid: Mpid, seq: int, *, descriptive: bool) -> None:
        """Close a link."""
        for link in self._links[mpid]:
            if link.identity_id == identity_id and link.descriptive is descriptive:
                link.until_seq = seq
                self._touched_links[identity_id, mpid, link.since_seq] = link
                self._held[identity_id] -= 1
        self._links[mpid] = [link for link in self._links[mpid] if link.until_seq is None]

    def add_alias(self, row: AliasRow) -> None:
        """Add an alias request."""
        self._aliases[row.seq] = row
        self._touched_aliases.add(row.seq)

    def alias(self, seq: int) -> AliasRow:
        """Give an alias request."""
        self._touched_aliases.add(seq)
        return self._aliases[seq]

    def add_must_not(self, row: MustNotRow) -> None:
        """Add a member of a must-not-link."""
        self._must_nots[row.seq, row.position] = row
        self._touched_must_nots.add((row.seq, row.position))
        if row.identity_id is not None:
            self._identities[row.identity_id].must_nots += 1

    def end_must_nots(self, seq: int, until_seq: int) -> list[int]:
        """Withdraw what an entry forbade."""
        ended = [row for row in self._must_nots.values() if row.seq == seq and row.until_seq is None]
        for row in ended:
            row.until_seq = until_seq
            self._touched_must_nots.add((row.seq, row.position))
        ids = [row.identity_id for row in ended if row.identity_id is not None]
        for identity_id in ids:
            self._identities[identity_id].must_nots -= 1
        return ids

    def add_flag(self, row: FlagRow) -> None:
        """Raise a flag."""
        self._identities[row.identity_id].flags[Flag(row.kind)] = row.seq
        self._touched_flags.append(row)

    def end_flags(self, identity_id: int, kind: int | None, until_seq: int) -> None:
        """Take a flag off, or all."""
        flags = self._identities[identity_id].flags
        for flag in [flag for flag in flags if kind in {None, flag}]:
            self._touched_flags.append(FlagRow(identity_id, flag, flags.pop(flag), until_seq))

    # -- writing -------------------------------------------------------------------------------------------

    async def write(
        self, connection: Connection, entries: Sequence[StoredEntry], last_seq: int, mark: int
    ) -> None:
        """Write every row that entries changed, and the entries.

        Args:
            connection: In the transaction that holds the graph.
            entries: What was folded since loading; may be empty where the journal is there already.
            last_seq: Position of the newest entry of the graph.
            mark: Recognises the transaction.
        """
        changed = sorted(m for m, row in self.profiles.items() if row.version != self._versions.get(m))
        self._count([mpid for mpid in changed if mpid in self._links])
        identities = sorted(
            i
            for i, held in self._identities.items()
            if i in self._recounted or held.row.version != self._identity_versions.get(i)
        )
        columns = [
            *_columns("identity", (self._identity(i) for i in identities)),
            *_columns("profile", (profile_columns(self.profiles[m]) for m in changed)),
            *_columns(
                "link", (self._link(key, link) for key, link in sorted(self._links_of(changed).items()))
            ),
            *_columns("alias", (_alias(self._aliases[seq]) for seq in sorted(self._touched_aliases))),
            *_columns("must_not", (_must_not(self._must_nots[k]) for k in sorted(self._touched_must_nots))),
            *_columns("flag", self._flags()),
            sorted(self._new_profiles),
            *_columns("journal", ((*_entry(entry), mark) for entry in entries)),
        ]
        await connection.execute(statements.WRITE, self.graph_id, last_seq, self.last_identity_id, *columns)

    def _count(self, changed: Iterable[Mpid]) -> None:
        """Bring the counts of each identity up to what its holders now are."""
        for mpid in changed:
            before, now = self._kinds[mpid], self._kinds_now(mpid)
            for step, kinds in ((-1, before), (1, now)):
                for identity_id, kind in kinds:
                    holders = self._identities[identity_id].holders
                    holders[kind] = holders.get(kind, 0) + step
            self._recounted.update(i for i, _ in set(before) ^ set(now))

    def _kinds_now(self, mpid: Mpid) -> list[tuple[int, int]]:
        types = self.profiles[mpid].types
        return [(link.identity_id, DESCRIPTIVE if link.descriptive else types) for link in self._links[mpid]]

    def _identity(self, identity_id: int) -> tuple[Any, ...]:
        held = self._identities[identity_id]
        row = held.row
        value = None if row.value is None else row.value.encode()
        key = None if value is None else digest(value)
        count = held.must_nots or None
        flags = pack_flags(held.flags)
        return (identity_id, row.type, key, value, row.version, pack_holders(held.holders), count, flags)

    def _flags(self) -> list[tuple[Any, ...]]:
        """Give each flag that was touched as it is in the end."""
        rows = {(row.identity_id, int(row.kind), row.seq): row.until_seq for row in self._touched_flags}
        return [(*key, until_seq) for key, until_seq in sorted(rows.items())]

    def _links_of(self, changed: Iterable[Mpid]) -> dict[tuple[int, Mpid, int], LinkRow]:
        """Collect the links to write: those opened or closed, and all whose holder has another place now."""
        links = dict(self._touched_links)
        for mpid in changed:
            profile = self.profiles[mpid]
            if (profile.types, profile.recency) != self._places.get(mpid):
                links |= {(x.identity_id, mpid, x.since_seq): x for x in self._links.get(mpid, ())}
        return links

    def _link(self, key: tuple[int, Mpid, int], link: LinkRow) -> tuple[Any, ...]:
        profile = self.profiles[link.mpid]
        kind: int | None = profile.types
        recency: int | None = profile.recency
        if link.until_seq is not None:
            kind = recency = None
        elif link.descriptive:
            kind, recency = DESCRIPTIVE, link.since_seq
        return (*key, link.position, link.until_seq, int(link.descriptive), kind, recency)


def _columns(table: str, rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn rows into one array for each column."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(_COLUMNS[table])]


def _alias(a: AliasRow) -> tuple[Any, ...]:
    return (a.seq, *a.terms, int(a.state), a.arrived_ms, a.ignored_reason, a.applied_ms, a.settled_seq)


def _must_not(row: MustNotRow) -> tuple[Any, ...]:
    return (row.seq, row.position, row.side, row.identity_id, row.mpid, row.until_seq)


def _entry(entry: StoredEntry) -> tuple[Any, ...]:
    seq, at_ms, cause, rule, request_id, input_id, mpid, changes, evidence, key = pack(entry)
    said = (escaped(request_id), escaped(input_id))
    known_key = None if key is None else escaped(key)
    return (seq, at_ms, cause, rule, *said, mpid, known_key, orjson.dumps((changes, evidence)))
