"""Seals the journal of an SQLite file in the transaction that writes it, and takes texts off its entries."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from idsync.model.errors import StoreError
from idsync.model.identity import Environment, GraphKey, Mpid
from idsync.store.chain import (
    SALT_BYTES,
    ChainLook,
    ChainReport,
    Seal,
    SealedRow,
    commitment,
    first_link,
    sealed,
)

__all__ = ["check_chain", "forget_texts", "seal", "seal_waiting"]

_AT_ONCE: Final = 4_096
_LAST_SEQ: Final = (1 << 63) - 1
_COLUMNS: Final = "seq, at_ms, cause, rule, request_id, input_id, mpid, idempotency_key, body"
_ABOUT: Final = (
    "SELECT seq FROM journal WHERE graph_id = :graph AND mpid = :mpid "
    "UNION SELECT since_seq FROM link WHERE graph_id = :graph AND mpid = :mpid "
    "UNION SELECT until_seq FROM link WHERE graph_id = :graph AND mpid = :mpid AND until_seq IS NOT NULL "
    "UNION SELECT seq FROM alias WHERE graph_id = :graph AND source = :mpid "
    "UNION SELECT seq FROM alias WHERE graph_id = :graph AND destination = :mpid "
    "UNION SELECT settled_seq FROM alias WHERE graph_id = :graph AND source = :mpid "
    "UNION SELECT settled_seq FROM alias WHERE graph_id = :graph AND destination = :mpid"
)
"""The positions of the entries about a profile, each part led by a key."""


def seal(connection: sqlite3.Connection, graph_id: int, rows: Sequence[SealedRow]) -> None:
    """Seal entries that were written just now, and before them whatever is not sealed yet.

    Args:
        connection: In the transaction that writes them.
        graph_id: Their graph.
        rows: They, in order.
    """
    if not rows:
        return
    seq, link = _head(connection, graph_id)
    while waiting := _read(connection, graph_id, seq, rows[0].seq) if seq + 1 < rows[0].seq else []:
        seq, link = _write(connection, graph_id, link, waiting)
    _write(connection, graph_id, link, rows)


def seal_waiting(connection: sqlite3.Connection) -> int:
    """Seal some entries of a journal that was written before there were chains; gives how many."""
    for (graph_id,) in connection.execute("SELECT graph_id FROM graph ORDER BY graph_id").fetchall():
        seq, link = _head(connection, graph_id)
        waiting = _read(connection, graph_id, seq, _LAST_SEQ)
        if waiting:
            _write(connection, graph_id, link, waiting)
            return len(waiting)
    return 0


def _head(connection: sqlite3.Connection, graph_id: int) -> tuple[int, bytes]:
    row = connection.execute(
        "SELECT seq, link FROM seal WHERE graph_id = ? ORDER BY seq DESC LIMIT 1", (graph_id,)
    ).fetchone()
    if row is not None:
        return row[0], row[1]
    return 0, first_link(_key(connection, graph_id))


def _key(connection: sqlite3.Connection, graph_id: int) -> GraphKey:
    scope, environment = connection.execute(
        "SELECT scope, environment FROM graph WHERE graph_id = ?", (graph_id,)
    ).fetchone()
    return GraphKey(scope, Environment(environment))


def _read(connection: sqlite3.Connection, graph_id: int, after: int, before: int) -> list[SealedRow]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM journal WHERE graph_id = ? AND seq > ? AND seq < ? ORDER BY seq LIMIT ?",
        (graph_id, after, before, _AT_ONCE),
    )
    return [SealedRow(*row) for row in rows]


def _write(
    connection: sqlite3.Connection, graph_id: int, link: bytes, rows: Sequence[SealedRow]
) -> tuple[int, bytes]:
    salts = os.urandom(SALT_BYTES * len(rows))
    seals: list[tuple[Any, ...]] = []
    for place, row in enumerate(rows):
        salt = salts[SALT_BYTES * place : SALT_BYTES * (place + 1)] if row.has_text else None
        seq, link, said = sealed(link, row, salt)
        seals.append((graph_id, seq, link, said))
    connection.executemany("INSERT INTO seal (graph_id, seq, link, said) VALUES (?,?,?,?)", seals)
    return rows[-1].seq, link


def forget_texts(connection: sqlite3.Connection, graph_id: int, mpid: Mpid, before: int) -> None:
    """Take what callers chose off the entries about an erased profile; what commits to it stays.

    Args:
        connection: In the transaction of the fold.
        graph_id: Its graph.
        mpid: The profile.
        before: The entry that erased it.
    """
    found = connection.execute(
        f"SELECT j.seq, {', '.join(f'j.{name}' for name in _COLUMNS.split(', ')[1:])}, s.said "
        "FROM journal j JOIN seal s ON s.graph_id = j.graph_id AND s.seq = j.seq "
        f"WHERE j.graph_id = :graph AND j.seq < :before AND j.seq IN ({_ABOUT}) "
        "AND (j.request_id <> '' OR j.idempotency_key IS NOT NULL)",
        {"graph": graph_id, "mpid": mpid, "before": before},
    ).fetchall()
    rows = [(SealedRow(*values), said) for *values, said in found]
    connection.executemany(
        "UPDATE seal SET said = ? WHERE graph_id = ? AND seq = ?",
        [(commitment(said, row), graph_id, row.seq) for row, said in rows],
    )
    connection.executemany(
        "UPDATE journal SET request_id = '', idempotency_key = NULL WHERE graph_id = ? AND seq = ?",
        [(graph_id, row.seq) for row, _ in rows],
    )


def check_chain(database: Path) -> list[ChainReport]:
    """Look at the chain of every graph, as the tables have them; changes nothing.

    Raises:
        StoreError: The database cannot be read.
    """
    try:
        connection = sqlite3.connect(
            f"{database.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
        )
        try:
            connection.execute("BEGIN")
            graphs = connection.execute("SELECT graph_id FROM graph ORDER BY graph_id").fetchall()
            return [_look(connection, graph_id) for (graph_id,) in graphs]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"the database cannot be used: {error}") from error


def _look(connection: sqlite3.Connection, graph_id: int) -> ChainReport:
    look = ChainLook(_key(connection, graph_id))
    (last,) = connection.execute(
        "SELECT max((SELECT coalesce(max(seq), 0) FROM journal WHERE graph_id = :graph), "
        "(SELECT coalesce(max(seq), 0) FROM seal WHERE graph_id = :graph))",
        {"graph": graph_id},
    ).fetchone()
    for after in range(0, last, _AT_ONCE):
        bounds = (graph_id, after, after + _AT_ONCE)
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM journal WHERE graph_id = ? AND seq > ? AND seq <= ?", bounds
        )
        seals = connection.execute(
            "SELECT seq, link, said FROM seal WHERE graph_id = ? AND seq > ? AND seq <= ?", bounds
        )
        look.on([SealedRow(*row) for row in rows], [Seal(*seal) for seal in seals])
    return look.end()
