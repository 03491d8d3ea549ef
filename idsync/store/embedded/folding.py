"""The fold behind the log: groups become rows of the tables, many in one sorted transaction.

It works on files alone, so it runs in a process of its own while the service goes on, and in the service at
start and at the end. Where it got to is noted in the same transaction; doing it twice changes nothing.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from idsync.model.aliasing import AliasState
from idsync.model.identity import Mpid
from idsync.store.codec import pack
from idsync.store.embedded.group import LoggedGroup, read_group
from idsync.store.embedded.loader import digest
from idsync.store.embedded.log import connect as connect_log
from idsync.store.embedded.log import log_path, read_groups
from idsync.store.fold import fold
from idsync.store.rows import AliasRow, IdentityRow, LinkRow, ProfileRow, StoredEntry, StoredTerms

__all__ = ["FoldTables", "Folder"]

_GROUPS_AT_ONCE: Final = 256
_BUSY_S: Final = 30.0
_PR_SET_PDEATHSIG: Final = 1


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
            [
                (
                    graph_id,
                    p.mpid,
                    p.source,
                    p.created_seq,
                    p.created_ms,
                    p.recency,
                    p.active_ms,
                    p.returned_ms,
                    int(p.erased),
                    p.types,
                    p.size,
                    p.version,
                )
                for p in (self._profiles[m] for m in sorted(self._profiles))
            ],
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

    def _identity(self, row: IdentityRow) -> tuple[Any, ...]:
        value = None if row.value is None else row.value.encode()
        key = None if value is None else digest(value)
        return (self._graph_id, row.identity_id, row.type, key, value, row.version)


def _rest(row: AliasRow) -> tuple[Any, ...]:
    return (row.arrived_ms, row.ignored_reason, row.applied_ms, row.settled_seq)


class Folder:
    """Moves groups from the log into the tables of one database."""

    def __init__(self, database: Path) -> None:
        self._tables = sqlite3.connect(
            database, isolation_level=None, timeout=_BUSY_S, check_same_thread=False, cached_statements=256
        )
        self._tables.execute("PRAGMA journal_mode=WAL")
        # the log forgets a group once this commit has returned, so it must be on disk by then
        self._tables.execute("PRAGMA synchronous=FULL")
        self._tables.execute("PRAGMA wal_autocheckpoint=10000")
        self._log = connect_log(log_path(database))

    def close(self) -> None:
        """Close both files."""
        self._tables.close()
        self._log.close()

    def run(self) -> int:
        """Fold everything the log holds; returns the position that the tables now contain.

        Raises:
            sqlite3.Error: The tables cannot be written; what was committed before stands.
        """
        position = self.step()
        while position != (position := self.step()):
            pass
        return position

    def step(self, up_to: int | None = None) -> int:
        """Fold the next groups of the log in one transaction; returns the position that the tables contain.

        Args:
            up_to: The last row to fold; `None`: all there are.

        Raises:
            sqlite3.Error: The tables cannot be written, and are as before.
        """
        self._tables.execute("BEGIN IMMEDIATE")
        try:
            row = self._tables.execute("SELECT log_id FROM fold_position").fetchone()
            position: int = 0 if row is None else row[0]
            groups = read_groups(self._log, position, _GROUPS_AT_ONCE, up_to)
            if groups:
                position = groups[-1][0]
                self._fold([read_group(body) for _, body in groups])
                self._tables.execute("DELETE FROM fold_position")
                self._tables.execute("INSERT INTO fold_position (log_id) VALUES (?)", (position,))
            self._tables.execute("COMMIT")
        except BaseException:
            if self._tables.in_transaction:
                self._tables.execute("ROLLBACK")
            raise
        return position

    def _fold(self, groups: Iterable[LoggedGroup]) -> None:
        by_graph: dict[int, FoldTables] = {}
        entries: defaultdict[int, list[StoredEntry]] = defaultdict(list)
        for group in groups:
            self._tables.executemany(
                "INSERT OR IGNORE INTO graph (graph_id, scope, environment) VALUES (?, ?, ?)", group.graphs
            )
            for new in group.identities:
                tables = by_graph.setdefault(new.graph_id, FoldTables(self._tables, new.graph_id))
                tables.add_identity(IdentityRow(new.identity_id, new.type, new.value))
            for graph_id, entry in group.entries:
                entries[graph_id].append(entry)
                fold(entry, by_graph.setdefault(graph_id, FoldTables(self._tables, graph_id)))
        for graph_id in sorted(by_graph):
            by_graph[graph_id].write()
            self._tables.executemany(
                "INSERT INTO journal (graph_id, seq, at_ms, cause, rule, request_id, input_id, mpid, "
                "idempotency_key, body) VALUES (?,?,?,?,?,?,?,?,?,?)",
                [_journal_row(graph_id, entry) for entry in entries[graph_id]],
            )


def _journal_row(graph_id: int, entry: StoredEntry) -> tuple[Any, ...]:
    packed = pack(entry)
    return (graph_id, *packed[:7], packed[9], orjson.dumps((packed[7], packed[8])))


def main() -> None:
    """Take a step for each line on standard input, up to the row it names; answer with the position.

    Ends with the input, and with the service: one that was stopped would hold the tables against the next.
    """
    _end_with_parent()
    folder = Folder(Path(sys.argv[1]))
    for line in sys.stdin:
        try:
            answer = str(folder.step(int(line)))
        except sqlite3.Error as error:
            answer = f"error {getattr(error, 'sqlite_errorname', type(error).__name__)}"
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    folder.close()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(sys.argv[2]):
            sys.exit("the service has ended")


if __name__ == "__main__":
    main()
