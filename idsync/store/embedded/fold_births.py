"""Births become rows: what the fold would make of each, told from its figures."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from idsync.store.birth import Birth
from idsync.store.chain import SealedRow
from idsync.store.embedded.loader import digest

__all__ = ["write_births"]


def write_births(connection: sqlite3.Connection, graph_id: int, births: Sequence[Birth]) -> list[SealedRow]:
    """Write births of one graph, given in order, to its tables and its journal; gives them as kept there."""
    many = connection.executemany
    identities: list[tuple[Any, ...]] = []
    links: list[tuple[Any, ...]] = []
    for birth in births:
        mpid, seq, identity_id = birth.mpid, birth.seq, birth.first_id
        for position, identity_type in enumerate(birth.types, 1):
            value = birth.values[position - 1].encode()
            identities.append((graph_id, identity_id, identity_type, digest(value), value, seq))
            links.append((graph_id, identity_id, mpid, seq, position))
            identity_id += 1
    many(
        "INSERT INTO identity (graph_id, identity_id, type, digest, value, version) VALUES (?,?,?,?,?,?)",
        identities,
    )
    many(
        "INSERT INTO profile (graph_id, mpid, source, created_seq, created_ms, recency, active_ms, "
        "returned_ms, erased, types, size, version) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        [(graph_id, *birth.profile()) for birth in births],
    )
    many("INSERT INTO directory (mpid, graph_id) VALUES (?, ?)", [(birth.mpid, graph_id) for birth in births])
    many(
        "INSERT INTO link (graph_id, identity_id, mpid, since_seq, position, until_seq, descriptive) "
        "VALUES (?,?,?,?,?,NULL,0)",
        links,
    )
    rows = [SealedRow(*birth[:7], None, orjson.dumps(birth.body())) for birth in births]
    many(
        "INSERT INTO journal (graph_id, seq, at_ms, cause, rule, request_id, input_id, mpid, body) "
        "VALUES (?,?,?,?,?,?,?,?,?)",
        [(graph_id, *row[:7], row.body) for row in rows],
    )
    return rows
