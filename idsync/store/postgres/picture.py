"""One consistent look for all calls of a round: fetched with arrays, kept in memory.

Of a value that thousands hold the newest few holders are fetched, with the count of all. What a decision
needs beyond that the view asks for: it raises `LookAgain`, and the next look has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from idsync.model.flag import Flag
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.view import ViewRequest
from idsync.store.codec import stored_identities
from idsync.store.postgres import statements
from idsync.store.postgres.address import Connection
from idsync.store.postgres.rows import (
    DESCRIPTIVE,
    HeldIdentity,
    alias_row,
    entry_row,
    held_identity,
    link_row,
    profile_row,
    value_keys,
)
from idsync.store.rows import AliasRow, LinkRow, MustNotRow, ProfileRow, StoredEntry
from idsync.store.sql.free_text import escaped

__all__ = ["KIND_AT_ONCE", "Picture", "take_picture"]

KIND_AT_ONCE: Final = 64
"""Holders of one identity and kind that are fetched without being asked for."""
_PROFILES_AT_ONCE: Final = 16
"""Holders of one identity whose records are fetched without being asked for; of more only the newest."""
_ALL: Final = 2_147_483_647


@dataclass(slots=True)
class Picture:
    """The rows of one graph that a round may look at.

    Attributes:
        ids: What was asked for and is there.
        holders: By identity id and kind, the newest first: MPID and recency.
        newest: The greatest recency among the holders of an identity.
        profiles: Live and erased ones.
        links: The open links of each profile that was looked up, oldest first.
        must_nots: The members of all must-not-links that name what was asked for.
        has_quarantined: Whether anything that was asked for is quarantined.
    """

    ids: dict[Identity, int] = field(default_factory=dict)
    identities: dict[int, HeldIdentity] = field(default_factory=dict)
    holders: dict[int, dict[int, list[tuple[Mpid, int]]]] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)
    profiles: dict[Mpid, ProfileRow] = field(default_factory=dict)
    links: dict[Mpid, list[LinkRow]] = field(default_factory=dict)
    aliases: dict[Mpid, list[AliasRow]] = field(default_factory=dict)
    entries: dict[tuple[str, str], StoredEntry] = field(default_factory=dict)
    must_nots: list[MustNotRow] = field(default_factory=list)
    has_quarantined: bool = False

    def value_of(self, identity_id: int) -> Identity:
        """Give an identity by id; its value is empty once it was erased."""
        row = self.identities[identity_id].row
        return Identity(IdentityType(row.type), row.value or "")


async def take_picture(connection: Connection, graph_id: int, wanted: Sequence[ViewRequest]) -> Picture:
    """Fetch what the calls of one graph will look at; the connection must show one moment throughout."""
    look = _Look(connection, graph_id)
    await look.identities({i for request in wanted for i in request.identities})
    await look.holders({i for request in wanted for i in request.whole})
    named = {mpid for request in wanted for mpid in request.profiles}
    await look.profiles(named | look.likely())
    await look.aliases({mpid for request in wanted if request.aliases for mpid in request.profiles})
    await look.entries({(r.input_id, r.idempotency_key) for r in wanted if r.idempotency_key is not None})
    await look.must_nots()
    await look.values()
    return look.picture


class _Look:
    """Goes from keys to the next keys; each step is one statement for all calls."""

    def __init__(self, connection: Connection, graph_id: int) -> None:
        self.picture = Picture()
        self._connection = connection
        self._graph_id = graph_id
        self._named: set[int] = set()

    async def _fetch(self, statement: str, *arrays: Sequence[Any]) -> Iterable[Any]:
        return await self._connection.fetch(statement, self._graph_id, *arrays) if arrays[0] else ()

    async def identities(self, wanted: Iterable[Identity]) -> None:
        for row in await self._fetch(statements.IDENTITIES_BY_VALUE, *value_keys(wanted)):
            held = held_identity(row)
            assert held.row.value is not None, "it was found by its value"
            if Flag.QUARANTINE in held.flags:
                self.picture.has_quarantined = True
            self.picture.identities[held.row.identity_id] = held
            self.picture.ids[Identity(IdentityType(held.row.type), held.row.value)] = held.row.identity_id

    async def holders(self, whole: Iterable[Identity]) -> None:
        all_of = {self.picture.ids.get(identity) for identity in whole}
        keys = [
            (identity_id, kind, _ALL if identity_id in all_of else KIND_AT_ONCE)
            for identity_id in self.picture.ids.values()
            for kind, count in self.picture.identities[identity_id].holders.items()
            if count
        ]
        found: defaultdict[int, defaultdict[int, list[tuple[Mpid, int]]]]
        found = defaultdict(lambda: defaultdict(list))
        for identity_id, kind, mpid, recency in await self._fetch(statements.HOLDERS, *_arrays(keys, 3)):
            found[identity_id][kind].append((mpid, recency))
            if kind != DESCRIPTIVE and recency > self.picture.newest.get(identity_id, 0):
                self.picture.newest[identity_id] = recency
        self.picture.holders = {i: dict(kinds) for i, kinds in found.items()}

    def likely(self) -> set[Mpid]:
        """Name the holders that calls are likely to be answered with: all of few, the newest of many."""
        likely: set[Mpid] = set()
        for kinds in self.picture.holders.values():
            ranked = [kind for key, kind in kinds.items() if key != DESCRIPTIVE]
            share = max(_PROFILES_AT_ONCE // max(len(ranked), 1), 1)
            likely.update(mpid for kind in ranked for mpid, _ in kind[:share])
        return likely

    async def profiles(self, mpids: Iterable[Mpid]) -> None:
        picture = self.picture
        for row in await self._fetch(statements.PROFILES, list(mpids)):
            picture.profiles[row[0]] = profile_row(row)
        picture.links = {mpid: [] for mpid in picture.profiles}
        for row in await self._fetch(statements.LINKS_OF, list(picture.profiles)):
            picture.links[row[1]].append(link_row(row))
        self._named |= {link.identity_id for links in picture.links.values() for link in links}

    async def aliases(self, mpids: Iterable[Mpid]) -> None:
        picture = self.picture
        picture.aliases = {mpid: [] for mpid in mpids}
        for row in await self._fetch(statements.ALIASES_OF, list(picture.aliases)):
            alias = alias_row(row)
            for mpid in {alias.terms.source, alias.terms.destination} & picture.aliases.keys():
                if alias not in picture.aliases[mpid]:
                    picture.aliases[mpid].append(alias)
            if alias.terms.stamp_id is not None:
                self._named.add(alias.terms.stamp_id)

    async def entries(self, keys: Iterable[tuple[str, str | None]]) -> None:
        wanted = [(escaped(input_id), escaped(key)) for input_id, key in keys if key is not None]
        for row in await self._fetch(statements.ENTRIES_BY_KEY, *_arrays(wanted, 2)):
            entry = entry_row(row)
            assert entry.idempotency_key is not None, "it was found by its key"
            self.picture.entries.setdefault((entry.input_id, entry.idempotency_key), entry)
            self._named |= stored_identities(entry)

    async def must_nots(self) -> None:
        picture = self.picture
        named = [i for i in picture.ids.values() if picture.identities[i].must_nots]
        picture.must_nots = [
            row
            for row in [MustNotRow(*row) for row in await self._fetch(statements.MUST_NOTS_OF, named)]
            if row.until_seq is None
        ]
        self._named.update(row.identity_id for row in picture.must_nots if row.identity_id is not None)

    async def values(self) -> None:
        """Fetch the values that records, aliases and entries name, and who is the newest with each."""
        picture = self.picture
        unknown = self._named - picture.identities.keys()
        for row in await self._fetch(statements.IDENTITIES_BY_ID, list(unknown)):
            held = held_identity(row)
            picture.identities[held.row.identity_id] = held
        keys = [
            (identity_id, kind)
            for identity_id in unknown
            for kind, count in picture.identities[identity_id].holders.items()
            if count and kind != DESCRIPTIVE
        ]
        alone = {i for i in unknown if _sum(picture.identities[i].holders) == 1}
        shared = [key for key in keys if key[0] not in alone]
        for identity_id, newest in await self._fetch(statements.NEWEST, *_arrays(shared, 2)):
            picture.newest[identity_id] = newest


def _sum(holders: Mapping[int, int]) -> int:
    return sum(count for kind, count in holders.items() if kind != DESCRIPTIVE)


def _arrays(keys: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*keys, strict=True)] or [[] for _ in range(width)]
