"""The rows of one graph that a fold touches: read when they are needed, written together in the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from idsync.model.aliasing import AliasState
from idsync.model.identity import Mpid
from idsync.store.embedded.loader import digest
from idsync.store.rows import (
    AliasRow,
    FlagRow,
    IdentityRow,
    LinkRow,
    MustNotRow,
    ProfileRow,
    StoredTerms,
    profile_columns,
)

__all__ = ["FoldTables"]


class FoldTables:
    """Implements `idsync.store.fold.Tables` over the rows of one graph that a batch of entries touches."""

    def __init__(self, connection: sqlite3.Connection, graph_id: int) -> None:
        self._connection = connection
        self._graph_id = graph_id
        self._identities: dict[int, IdentityRow] = {}
        self._profiles: dict[Mpid, ProfileRow] = {}
        self._links: dict[Mpid, list[LinkRow]] = {}
        self._written_links: dict[tuple[int, Mpid, int], LinkRow] = {}
        self._aliases: dict[int, AliasRow] = {}
        self._must_nots: dict[tuple[int, int], MustNotRow] = {}
        self._flags: dict[tuple[int, int, int], FlagRow] = {}
        self._new_profiles: list[Mpid] = []

    def add_identity(self, row: IdentityRow) -> None:
        """Add an identity that an entry introduces."""
        self._identities[row.identity_id] = row

    def identity(self, identity_id: int) -> IdentityRow:
        """Give an identity."""
        row = self._identities.get(identity_id)
        if row is None:
            type_, value, version = self._connection.execute(
                "SELECT type, value, version FROM identity WHERE graph_id = ? AND identity_id = ?",
                (self._graph_id, identity_id),
            ).fetchone()
            row = IdentityRow(identity_id, type_, None if value is None else value.decode(), version)
            self._identities[identity_id] = row
        return row

    def is_held(self, identity_id: int) -> bool:
        """Say whether an open link leads to the identity, in this batch or in the tables."""
        for links in self._links.values():
            if any(link.identity_id == identity_id for link in links):
                return True
        rows = self._connection.execute(
            "SELECT mpid FROM link WHERE graph_id = ? AND identity_id = ? AND until_seq IS NULL",
            (self._graph_id, identity_id),
        )
        return any(mpid not in self._links for (mpid,) in rows)

    def profile(self, mpid: Mpid) -> ProfileRow:
        """Give a profile."""
        row = self._profiles.get(mpid)
        if row is None:
            found = self._connection.execute(
                "SELECT mpid, source, created_seq, created_ms, recency, active_ms, returned_ms, erased, "
                "types, size, version FROM profile WHERE graph_id = ? AND mpid = ?",
                (self._graph_id, mpid),
            ).fetchone()
            row = ProfileRow(*found)
            row.erased = bool(row.erased)
            self._profiles[mpid] = row
        return row

    def add_profile(self, row: ProfileRow) -> None:
        """Add a profile."""
        self._profiles[row.mpid] = row
        self._links[row.mpid] = []
        self._new_profiles.append(row.mpid)

    def open_links(self, mpid: Mpid) -> Sequence[LinkRow]:
        """List the open links of a profile, oldest first."""
        links = self._links.get(mpid)
        if links is None:
            rows = self._connection.execute(
                "SELECT identity_id, mpid, since_seq, position, descriptive FROM link "
                "WHERE graph_id = ? AND mpid = ? AND until_seq IS NULL ORDER BY since_seq, position",
                (self._graph_id, mpid),
            )
            links = self._links[mpid] = [
                LinkRow(row[0], row[1], row[2], row[3], None, bool(row[4])) for row in rows
            ]
        return links

    def add_link(self, row: LinkRow) -> None:
        """Open a link."""
        self.open_links(row.mpid)
        self._links[row.mpid].append(row)
        self._written_links[row.identity_id, row.mpid, row.since_seq] = row

    def close_link(self, identity_id: int, mpid: Mpid, seq: int, *, descriptive: bool) -> None:
        """Close a link."""
        for link in self.open_links(mpid):
            if link.identity_id == identity_id and link.descriptive is descriptive:
                link.until_seq = seq
                self._written_links[identity_id, mpid, link.since_seq] = link
        self._links[mpid] = [link for link in self._links[mpid] if link.until_seq is None]

    def add_alias(self, row: AliasRow) -> None:
        """Add an alias request."""
        self._aliases[row.seq] = row

    def alias(self, seq: int) -> AliasRow:
        """Give an alias request."""
        row = self._aliases.get(seq)
        if row is None:
            found = self._connection.execute(
                "SELECT source, destination, start_ms, end_ms, scope, stamp_id, apply_at_ms, state, "
                "arrived_ms, ignored_reason, applied_ms, settled_seq FROM alias "
                "WHERE graph_id = ? AND seq = ?",
                (self._graph_id, seq),
            ).fetchone()
            row = AliasRow(seq, StoredTerms(*found[:7]), AliasState(found[7]), *found[8:])
            self._aliases[seq] = row
        return row

    def add_must_not(self, row: MustNotRow) -> None:
        """Add a member of a must-not-link."""
        self._must_nots[row.seq, row.position] = row

    def end_must_nots(self, seq: int, until_seq: int) -> list[int]:
        """Withdraw what an entry forbade."""
        for found in self._connection.execute(
            "SELECT seq, position, side, identity_id, mpid, until_seq FROM must_not "
            "WHERE graph_id = ? AND seq = ?",
            (self._graph_id, seq),
        ):
            self._must_nots.setdefault(found[:2], MustNotRow(*found))
        ended = [row for row in self._must_nots.values() if row.seq == seq and row.until_seq is None]
        for row in ended:
            row.until_seq = until_seq
        return [row.identity_id for row in ended if row.identity_id is not None]

    def add_flag(self, row: FlagRow) -> None:
        """Raise a flag."""
        self._flags[row.identity_id, row.kind, row.seq] = row

    def end_flags(self, identity_id: int, kind: int | None, until_seq: int) -> None:
        """Take a flag off, or all."""
        for found in self._connection.execute(
            "SELECT identity_id, kind, seq FROM flag "
            "WHERE graph_id = ? AND identity_id = ? AND until_seq IS NULL",
            (self._graph_id, identity_id),
        ):
            self._flags.setdefault(found, FlagRow(*found))
        for row in self._flags.values():
            if row.identity_id == identity_id and row.until_seq is None and kind in {None, row.kind}:
                row.until_seq = until_seq

    def write(self) -> None:
        """Write every row that was touched, in the order of its key."""
        graph_id, many = self._graph_id, self._connection.executemany
        many(
            "INSERT INTO identity (graph_id, identity_id, type, digest, value, version) VALUES (?,?,?,?,?,?) "
            "ON CONFLICT (graph_id, identity_id) DO UPDATE SET digest = excluded.digest, "
            "value = excluded.value, version = excluded.version",
            [self._identity(self._identities[i]) for i in sorted(self._identities)],
        )
        many(
            "INSERT OR REPLACE INTO profile (graph_id, mpid, source, created_seq, created_ms, recency, "
            "active_ms, returned_ms, erased, types, size, version) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            [(graph_id, *profile_columns(self._profiles[mpid])) for mpid in sorted(self._profiles)],
        )
        many(
            "INSERT INTO directory (mpid, graph_id) VALUES (?, ?)",
            [(mpid, graph_id) for mpid in sorted(self._new_profiles)],
        )
        many(
            "INSERT OR REPLACE INTO link (graph_id, identity_id, mpid, since_seq, position, until_seq, "
            "descriptive) VALUES (?,?,?,?,?,?,?)",
            [
                (graph_id, *key, link.position, link.until_seq, int(link.descriptive))
                for key, link in sorted(self._written_links.items())
            ],
        )
        many(
            "INSERT OR REPLACE INTO alias (graph_id, seq, source, destination, start_ms, end_ms, scope, "
            "stamp_id, apply_at_ms, state, arrived_ms, ignored_reason, applied_ms, settled_seq) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                (graph_id, a.seq, *a.terms, int(a.state), *_rest(a))
                for a in (self._aliases[seq] for seq in sorted(self._aliases))
            ],
        )
        many(
            "INSERT OR REPLACE INTO must_not (graph_id, seq, position, side, identity_id, mpid, until_seq) "
            "VALUES (?,?,?,?,?,?,?)",
            [
                (graph_id, *key, row.side, row.identity_id, row.mpid, row.until_seq)
                for key, row in sorted(self._must_nots.items())
            ],
        )
        many(
            "INSERT OR REPLACE INTO flag (graph_id, identity_id, kind, seq, until_seq) VALUES (?,?,?,?,?)",
            [(graph_id, *key, row.until_seq) for key, row in sorted(self._flags.items())],
        )

    def _identity(self, row: IdentityRow) -> tuple[Any, ...]:
        value = None if row.value is None else row.value.encode()
        key = None if value is None else digest(value)
        return (self._graph_id, row.identity_id, row.type, key, value, row.version)


def _rest(row: AliasRow) -> tuple[Any, ...]:
    return (row.arrived_ms, row.ignored_reason, row.applied_ms, row.settled_seq)
