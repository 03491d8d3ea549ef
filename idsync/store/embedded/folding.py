"""The fold behind the log: groups become rows of the tables, many in one sorted transaction.

It works on files alone, so it runs in a process of its own while the service goes on, and in the service at
start and at the end. Where it got to is noted in the same transaction; doing it twice changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from idsync.model.journal import ChangeKind
from idsync.store.birth import Birth
from idsync.store.chain import SealedRow
from idsync.store.codec import pack
from idsync.store.embedded.fold_births import write_births
from idsync.store.embedded.fold_tables import FoldTables
from idsync.store.embedded.group import LoggedGroup, NewIdentity, read_group
from idsync.store.embedded.log import connect as connect_log
from idsync.store.embedded.log import log_path, read_groups
from idsync.store.embedded.sealing import forget_texts, seal, seal_waiting
from idsync.store.fold import fold, forgotten
from idsync.store.rows import IdentityRow, StoredEntry

__all__ = ["Folder"]

_GROUPS_AT_ONCE: Final = 256
_BUSY_S: Final = 30.0
_ERASED: Final = ChangeKind.PROFILE_ERASED


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
        # what is overwritten or removed is so on its page
        self._tables.execute("PRAGMA secure_delete=ON")
        self._log = connect_log(log_path(database))

    @property
    def tables(self) -> sqlite3.Connection:
        """The connection that writes the tables; between two steps it has no transaction."""
        return self._tables

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
        while self._seal_waiting():
            pass
        return position

    def _seal_waiting(self) -> int:
        """Seal some of what was written before there were chains."""
        self._tables.execute("BEGIN IMMEDIATE")
        try:
            count = seal_waiting(self._tables)
            self._tables.execute("COMMIT")
        except BaseException:
            if self._tables.in_transaction:
                self._tables.execute("ROLLBACK")
            raise
        return count

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

    def _fold(self, groups: Sequence[LoggedGroup]) -> None:
        born: defaultdict[int, list[Birth]] = defaultdict(list)
        news: defaultdict[int, list[NewIdentity]] = defaultdict(list)
        entries: defaultdict[int, list[StoredEntry]] = defaultdict(list)
        for group in groups:
            self._tables.executemany(
                "INSERT OR IGNORE INTO graph (graph_id, scope, environment) VALUES (?, ?, ?)", group.graphs
            )
            for graph_id, birth in group.births:
                born[graph_id].append(birth)
            for new in group.identities:
                news[new.graph_id].append(new)
            for graph_id, entry in group.entries:
                entries[graph_id].append(entry)
        for graph_id in sorted({*born, *entries}):
            births, others = born[graph_id], entries[graph_id]
            if any(map(_erases, others)):
                # a value that was erased may have been born again: only their order tells
                news[graph_id] += [new for birth in births for new in _introduced(graph_id, birth)]
                others = sorted([*others, *(birth.entry() for birth in births)])
                births = []
            # others may go on from what was born, and births go on from nothing
            rows = write_births(self._tables, graph_id, births)
            rows += self._fold_entries(graph_id, news[graph_id], others)
            rows.sort()
            seal(self._tables, graph_id, rows)
            for entry in others:
                for mpid in forgotten(entry):
                    forget_texts(self._tables, graph_id, mpid, entry.seq)

    def _fold_entries(
        self, graph_id: int, news: Sequence[NewIdentity], entries: Sequence[StoredEntry]
    ) -> list[SealedRow]:
        tables = FoldTables(self._tables, graph_id)
        for new in news:
            tables.add_identity(IdentityRow(new.identity_id, new.type, new.value))
        for entry in entries:
            fold(entry, tables)
        tables.write()
        rows = [_journal_row(entry) for entry in entries]
        self._tables.executemany(
            "INSERT INTO journal (graph_id, seq, at_ms, cause, rule, request_id, input_id, mpid, "
            "idempotency_key, body) VALUES (?,?,?,?,?,?,?,?,?,?)",
            [(graph_id, *row) for row in rows],
        )
        return rows


def _erases(entry: StoredEntry) -> bool:
    return any(change.kind is _ERASED for change in entry.changes)


def _introduced(graph_id: int, birth: Birth) -> list[NewIdentity]:
    figures = zip(birth.ids, birth.types, birth.values, strict=True)
    return [NewIdentity(graph_id, *figure) for figure in figures]


def _journal_row(entry: StoredEntry) -> SealedRow:
    *head, changes, evidence, key = pack(entry)
    return SealedRow._make((*head, key, orjson.dumps((changes, evidence))))
