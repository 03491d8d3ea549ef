"""Proves that the tables are the fold of the journal, and makes them so again.

Both work by folding the journal anew, from its first entry, into a scratch database beside the real one.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final

import orjson

from idsync.model.errors import StoreError
from idsync.store.codec import unpack
from idsync.store.embedded.fold_tables import FoldTables
from idsync.store.embedded.folding import Folder
from idsync.store.embedded.lock import lock
from idsync.store.embedded.pairing import require_paired
from idsync.store.fold import fold
from idsync.store.sql.difference import FOLDED, Difference
from idsync.store.sql.schema import create
from idsync.store.sql.schema_state import SchemaState, require_current, state_of

__all__ = ["Difference", "check", "rebuild"]

_ENTRIES_AT_ONCE: Final = 4_096
_FOLDED: Final = FOLDED | {"identity": "graph_id, identity_id, type, version"}
"""What the journal adds up to; of the dictionary only the version."""


def check(database: Path) -> tuple[int, list[Difference]]:
    """Compare the tables with the journal; changes nothing but what the log still held.

    Returns:
        How many entries were folded, and a difference for each table that has one.

    Raises:
        StoreError: The database is in use, damaged or cannot be used, or the journal has a gap.
    """
    with _folded_anew(database) as (connection, entries):
        # the comparison does not read every index
        [state] = connection.execute("PRAGMA main.quick_check(1)").fetchone()
        if state != "ok":
            raise StoreError("the database is damaged: a page of it is not what SQLite wrote")
        return entries, list(_differences(connection))


def rebuild(database: Path) -> tuple[int, list[Difference]]:
    """Make the tables what the journal says, in one transaction.

    Returns:
        How many entries were folded, and what had to be corrected.

    Raises:
        StoreError: As for `check`; nothing was changed.
    """
    with _folded_anew(database) as (connection, entries):
        differences = list(_differences(connection))
        connection.execute("BEGIN IMMEDIATE")
        for table, columns in _FOLDED.items():
            if table == "identity":
                connection.execute(
                    "UPDATE identity SET version = (SELECT a.version FROM anew.identity a "
                    "WHERE a.graph_id = identity.graph_id AND a.identity_id = identity.identity_id)"
                )
            else:
                connection.execute(f"DELETE FROM main.{table}")
                connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM anew.{table}")
        connection.execute("COMMIT")
        return entries, differences


def _differences(connection: sqlite3.Connection) -> Iterator[Difference]:
    for table, columns in _FOLDED.items():
        ours, anew = f"SELECT {columns} FROM main.{table}", f"SELECT {columns} FROM anew.{table}"
        missing, unexplained = (
            connection.execute(f"SELECT count(*) FROM ({one} EXCEPT {other})").fetchone()[0]
            for one, other in ((anew, ours), (ours, anew))
        )
        if missing or unexplained:
            yield Difference(table, missing, unexplained)


@contextmanager
def _folded_anew(database: Path) -> Iterator[tuple[sqlite3.Connection, int]]:
    """Own the store, fold what the log still holds, and fold the whole journal into a scratch database."""
    if state_of(database) is SchemaState.EMPTY:
        raise StoreError("there is no such database")
    held = lock(database)
    try:
        require_current(database)
        require_paired(database)
        folder = Folder(database)
        try:
            folder.run()
        finally:
            folder.close()
        with tempfile.TemporaryDirectory(dir=database.parent) as scratch:
            anew = Path(scratch) / "anew.db"
            create(anew)
            entries = _fold_into(database, anew)
            connection = sqlite3.connect(database, isolation_level=None)
            try:
                connection.execute("ATTACH ? AS anew", (str(anew),))
                yield connection, entries
            finally:
                connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"the database cannot be used: {error}") from error
    finally:
        os.close(held)


def _fold_into(database: Path, anew: Path) -> int:
    connection = sqlite3.connect(anew, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("ATTACH ? AS source", (str(database),))
        connection.execute("INSERT INTO graph SELECT * FROM source.graph")
        connection.execute(
            "INSERT INTO identity (graph_id, identity_id, type, digest, value, version) "
            "SELECT graph_id, identity_id, type, digest, value, 0 FROM source.identity"
        )
        rows = connection.execute(
            "SELECT graph_id, seq, at_ms, cause, rule, request_id, input_id, mpid, idempotency_key, body "
            "FROM source.journal ORDER BY graph_id, seq"
        )
        count = 0
        for graph_id, group in groupby(rows, key=lambda row: row[0]):
            expected, tables = 1, FoldTables(connection, graph_id)
            for _, *head, key, body in group:
                if head[0] != expected:
                    raise StoreError(f"the journal has a gap before entry {head[0]} of graph {graph_id}")
                fold(unpack([*head, *orjson.loads(body), key]), tables)
                expected, count = expected + 1, count + 1
                if count % _ENTRIES_AT_ONCE == 0:
                    tables.write()
                    tables = FoldTables(connection, graph_id)
            tables.write()
        return count
    finally:
        connection.close()
