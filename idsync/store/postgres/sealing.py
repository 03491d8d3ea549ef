"""Seals journals behind the commits, and takes texts off their entries.

Whoever does either holds the row of the graph's chain until the commit, so that no entry is sealed with a
text that somebody else is taking off it. Commits of calls do not touch that row: nobody waits for a seal.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

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
from idsync.store.postgres.address import Connection
from idsync.store.sql.free_text import unescaped

__all__ = ["AT_ONCE", "check_chain", "forget_texts", "seal_some"]

AT_ONCE: Final = 1_024
"""Entries that one transaction seals at most."""

_COLUMNS: Final = "seq, at_ms, cause, rule, request_id, input_id, mpid, idempotency_key, body"
_BEGIN: Final = "INSERT INTO chain (graph_id, seq, link) VALUES ($1, 0, $2) ON CONFLICT (graph_id) DO NOTHING"
_HOLD: Final = "SELECT seq, link FROM chain WHERE graph_id = $1 FOR UPDATE"
_READ: Final = f"SELECT {_COLUMNS} FROM journal WHERE graph_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
_WRITE: Final = (
    "INSERT INTO seal (graph_id, seq, link, said) "
    "SELECT $1, k.* FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS k(seq, link, said)"
)
_MOVE: Final = "UPDATE chain SET seq = $2, link = $3 WHERE graph_id = $1"
_ABOUT: Final = (
    "SELECT seq FROM journal WHERE graph_id = $1 AND mpid = $2 "
    "UNION SELECT since_seq FROM link WHERE graph_id = $1 AND mpid = $2 "
    "UNION SELECT until_seq FROM link WHERE graph_id = $1 AND mpid = $2 "
    "UNION SELECT seq FROM alias WHERE graph_id = $1 AND source = $2 "
    "UNION SELECT seq FROM alias WHERE graph_id = $1 AND destination = $2 "
    "UNION SELECT settled_seq FROM alias WHERE graph_id = $1 AND source = $2 "
    "UNION SELECT settled_seq FROM alias WHERE graph_id = $1 AND destination = $2"
)
_TEXTS: Final = (
    f"SELECT {', '.join(f'j.{name}' for name in _COLUMNS.split(', '))}, s.said FROM journal j "
    "LEFT JOIN seal s ON s.graph_id = j.graph_id AND s.seq = j.seq "
    f"WHERE j.graph_id = $1 AND j.seq = ANY(ARRAY({_ABOUT})) AND j.seq < $3 "
    "AND (j.request_id <> '' OR j.idempotency_key IS NOT NULL)"
)
_COMMIT_TO: Final = (
    "UPDATE seal SET said = k.said FROM unnest($2::bigint[], $3::bytea[]) AS k(seq, said) "
    "WHERE seal.graph_id = $1 AND seal.seq = k.seq"
)
_FORGET: Final = (
    "UPDATE journal SET request_id = '', idempotency_key = NULL "
    "WHERE graph_id = $1 AND seq = ANY($2::bigint[])"
)

_LAST: Final = (
    "SELECT greatest((SELECT coalesce(max(seq), 0) FROM journal WHERE graph_id = $1), "
    "(SELECT coalesce(max(seq), 0) FROM seal WHERE graph_id = $1))"
)
_RANGE: Final = f"SELECT {_COLUMNS} FROM journal WHERE graph_id = $1 AND seq > $2 AND seq <= $3"
_SEALS: Final = "SELECT seq, link, said FROM seal WHERE graph_id = $1 AND seq > $2 AND seq <= $3"


async def seal_some(connection: Connection, graph_id: int, graph: GraphKey) -> int:
    """Seal the next entries of a graph; gives how many, 0 when all are sealed.

    Args:
        connection: In a transaction of the level READ COMMITTED, which the caller commits.
        graph_id: The graph's number.
        graph: The graph.
    """
    seq, link = await _hold(connection, graph_id, graph)
    rows = [_row(row) for row in await connection.fetch(_READ, graph_id, seq, AT_ONCE)]
    if not rows:
        return 0
    salts = os.urandom(SALT_BYTES * len(rows))
    seals: list[Seal] = []
    for place, row in enumerate(rows):
        salt = salts[SALT_BYTES * place : SALT_BYTES * (place + 1)] if row.has_text else None
        seals.append(sealed(link, row, salt))
        link = seals[-1].link
    await connection.execute(
        _WRITE, graph_id, [s.seq for s in seals], [s.link for s in seals], [s.said for s in seals]
    )
    await connection.execute(_MOVE, graph_id, seals[-1].seq, link)
    return len(seals)


async def _hold(connection: Connection, graph_id: int, graph: GraphKey) -> tuple[int, bytes]:
    row = await connection.fetchrow(_HOLD, graph_id)
    if row is None:
        await connection.execute(_BEGIN, graph_id, first_link(graph))
        row = await connection.fetchrow(_HOLD, graph_id)
    assert row is not None, "it is there, whoever made it"
    return row[0], row[1]


async def forget_texts(
    connection: Connection, graph_id: int, graph: GraphKey, erased: Sequence[tuple[Mpid, int]]
) -> None:
    """Take what callers chose off the entries about erased profiles; what commits to it stays.

    Args:
        connection: In the transaction that erases them, after it has written.
        graph_id: The graph's number.
        graph: The graph.
        erased: The profiles, each with the position of the entry that erases it.
    """
    await _hold(connection, graph_id, graph)
    for mpid, before in erased:
        found = [(_row(row[:-1]), row[-1]) for row in await connection.fetch(_TEXTS, graph_id, mpid, before)]
        if not found:
            continue
        kept = [(row.seq, commitment(said, row)) for row, said in found if said is not None]
        await connection.execute(_COMMIT_TO, graph_id, [seq for seq, _ in kept], [said for _, said in kept])
        await connection.execute(_FORGET, graph_id, [row.seq for row, _ in found])


async def check_chain(connection: Connection) -> list[ChainReport]:
    """Look at the chain of every graph as of one moment.

    Args:
        connection: In a transaction of the level REPEATABLE READ.
    """
    graphs = await connection.fetch("SELECT graph_id, scope, environment FROM graph ORDER BY graph_id")
    return [
        await _look(connection, graph_id, GraphKey(scope, Environment(environment)))
        for graph_id, scope, environment in graphs
    ]


async def _look(connection: Connection, graph_id: int, graph: GraphKey) -> ChainReport:
    look = ChainLook(graph)
    last = await connection.fetchval(_LAST, graph_id)
    for after in range(0, last, AT_ONCE):
        bounds = (graph_id, after, after + AT_ONCE)
        rows = await connection.fetch(_RANGE, *bounds)
        seals = await connection.fetch(_SEALS, *bounds)
        look.on([_row(row) for row in rows], [Seal(*seal) for seal in seals])
    return look.end()


def _row(row: Sequence[Any]) -> SealedRow:
    seq, at_ms, cause, rule, request_id, input_id, mpid, key, body = row
    known_key = None if key is None else unescaped(key)
    return SealedRow(
        seq, at_ms, cause, rule, unescaped(request_id), unescaped(input_id), mpid, known_key, body
    )
