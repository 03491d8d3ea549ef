"""Synchronous reads of the embedded store: prepared text, one query for all missing keys of a round."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from idsync.model.aliasing import AliasState
from idsync.model.identity import Environment, GraphKey, Identity, Mpid
from idsync.store.codec import unpack
from idsync.store.embedded.nodes import IdentityNode, ProfileNode
from idsync.store.rows import AliasRow, LinkRow, StoredEntry, StoredTerms

__all__ = ["Loader", "digest"]

_AT_ONCE: Final = 256
"""Keys of one statement; longer lists take several."""

_PROFILE = (
    "SELECT mpid, source, created_seq, created_ms, recency, active_ms, returned_ms, erased, types, size, "
    "version FROM profile WHERE graph_id = ? AND mpid IN ({})"
)
_IDENTITY_BY_VALUE = (
    "WITH k(t, d) AS (VALUES {}) SELECT i.identity_id, i.type, i.value, i.version "
    "FROM k CROSS JOIN identity i ON i.graph_id = ? AND i.type = k.t AND i.digest = k.d"
)
_IDENTITY_BY_ID = (
    "SELECT identity_id, type, value, version FROM identity WHERE graph_id = ? AND identity_id IN ({})"
)
_HOLDERS = (
    "SELECT identity_id, mpid, descriptive FROM link "
    "WHERE graph_id = ? AND identity_id IN ({}) AND until_seq IS NULL"
)
_LINKS = (
    "SELECT identity_id, mpid, since_seq, position, descriptive FROM link "
    "WHERE graph_id = ? AND mpid = ? AND until_seq IS NULL ORDER BY since_seq, position"
)
_ALIASES = (
    "SELECT seq, source, destination, start_ms, end_ms, scope, stamp_id, apply_at_ms, state, arrived_ms, "
    "ignored_reason, applied_ms, settled_seq FROM alias WHERE graph_id = ? AND {} = ?"
)
_BY_KEY = (
    "SELECT seq, at_ms, cause, rule, request_id, input_id, mpid, body, idempotency_key FROM journal "
    "WHERE graph_id = ? AND input_id = ? AND idempotency_key = ? ORDER BY seq LIMIT 1"
)


def digest(value: bytes) -> bytes:
    """Give the key under which a value is indexed."""
    return sha256(value).digest()


class Loader:
    """Reads rows on the loop: from the page cache a look-up costs about as much as a function call."""

    def __init__(self, path: Path, page_cache_bytes: int) -> None:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=1_024)
        self._connection.execute(f"PRAGMA cache_size=-{page_cache_bytes // 1_024}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def graphs(self) -> dict[GraphKey, int]:
        """Give every graph with its number."""
        rows = self._connection.execute("SELECT scope, environment, graph_id FROM graph")
        return {GraphKey(scope, Environment(environment)): graph_id for scope, environment, graph_id in rows}

    def last_numbers(self) -> tuple[int, Mpid]:
        """Give the greatest identity id and MPID in use."""
        identity_id = self._connection.execute("SELECT coalesce(max(identity_id), 0) FROM identity")
        mpid = self._connection.execute("SELECT coalesce(max(mpid), 0) FROM directory")
        return identity_id.fetchone()[0], mpid.fetchone()[0]

    def last_seq(self, graph_id: int) -> int:
        """Give the position of the newest entry of a graph."""
        row = self._connection.execute("SELECT max(seq) FROM journal WHERE graph_id = ?", (graph_id,))
        return row.fetchone()[0] or 0

    def count_identities(self, enough: int) -> int:
        """Count the identities of all graphs, as far as one more than `enough`."""
        text = "SELECT count(*) FROM (SELECT 1 FROM identity LIMIT ?)"
        count: int = self._connection.execute(text, (enough + 1,)).fetchone()[0]
        return count

    def graph_of(self, mpid: Mpid) -> int | None:
        """Say which graph an MPID belongs to."""
        row = self._connection.execute("SELECT graph_id FROM directory WHERE mpid = ?", (mpid,)).fetchone()
        return None if row is None else row[0]

    def identities(self, graph_id: int, keys: Iterable[Identity]) -> Iterator[IdentityNode]:
        """Find identities by value, without holders; the value itself is compared after the look-up."""
        encoded = {(int(k.type), digest(k.value.encode())): k.value.encode() for k in keys}
        for chunk in _chunks(encoded):
            text = _IDENTITY_BY_VALUE.format(",".join(["(?,?)"] * len(chunk)))
            parameters = [part for key in chunk for part in key]
            for identity_id, type_, value, version in self._connection.execute(text, (*parameters, graph_id)):
                if value == encoded[type_, digest(value)]:
                    yield IdentityNode(identity_id, type_, value.decode(), version)

    def identities_by_id(self, graph_id: int, ids: Collection[int]) -> list[IdentityNode]:
        """Find identities by id, without holders."""
        return [
            IdentityNode(row[0], row[1], None if row[2] is None else row[2].decode(), row[3])
            for row in self._in(_IDENTITY_BY_ID, graph_id, ids)
        ]

    def all_identities(self, graph_id: int) -> Iterator[IdentityNode]:
        """Go through every identity of a graph that still has a value, without holders."""
        rows = self._connection.execute(
            "SELECT identity_id, type, value, version FROM identity WHERE graph_id = ? AND value IS NOT NULL",
            (graph_id,),
        )
        for identity_id, type_, value, version in rows:
            yield IdentityNode(identity_id, type_, value.decode(), version)

    def holders(self, graph_id: int, ids: Collection[int]) -> list[tuple[int, Mpid, int]]:
        """List who holds identities now, as (identity id, MPID, descriptive)."""
        return self._in(_HOLDERS, graph_id, ids)

    def all_holders(self, graph_id: int) -> list[tuple[int, Mpid, int]]:
        """List every open link of a graph."""
        return self._connection.execute(
            "SELECT identity_id, mpid, descriptive FROM link WHERE graph_id = ? AND until_seq IS NULL",
            (graph_id,),
        ).fetchall()

    def profiles(self, graph_id: int, mpids: Collection[Mpid]) -> list[ProfileNode]:
        """Find profiles, erased ones included, without links."""
        return [_profile(row) for row in self._in(_PROFILE, graph_id, mpids)]

    def all_profiles(self, graph_id: int) -> Iterator[ProfileNode]:
        """Go through every profile of a graph, without links."""
        text = _PROFILE[: _PROFILE.index(" AND")]
        return map(_profile, self._connection.execute(text, (graph_id,)))

    def links(self, graph_id: int, mpid: Mpid) -> list[LinkRow]:
        """List the open links of a profile, oldest first."""
        return [
            LinkRow(identity_id, mpid, since_seq, position, None, bool(descriptive))
            for identity_id, mpid, since_seq, position, descriptive in self._connection.execute(
                _LINKS, (graph_id, mpid)
            )
        ]

    def aliases(self, graph_id: int, mpid: Mpid) -> list[AliasRow]:
        """List the alias requests that name a profile."""
        rows = [
            row
            for column in ("source", "destination")
            for row in self._connection.execute(_ALIASES.format(column), (graph_id, mpid))
        ]
        return [
            AliasRow(row[0], StoredTerms(*row[1:8]), AliasState(row[8]), *row[9:13]) for row in sorted(rows)
        ]

    def entry_by_key(self, graph_id: int, input_id: str, key: str) -> StoredEntry | None:
        """Find the entry that carries an idempotency key of an input."""
        row = self._connection.execute(_BY_KEY, (graph_id, input_id, key)).fetchone()
        if row is None:
            return None
        changes, evidence = orjson.loads(row[7])
        return unpack([*row[:7], changes, evidence, row[8]])

    def _in(self, text: str, graph_id: int, keys: Collection[int]) -> list[Any]:
        rows: list[Any] = []
        for chunk in _chunks(keys):
            marks = ",".join("?" * len(chunk))
            rows += self._connection.execute(text.format(marks), (graph_id, *chunk)).fetchall()
        return rows


def _chunks(keys: Iterable[Any]) -> Iterator[list[Any]]:
    remaining = iter(keys)
    while chunk := list(islice(remaining, _AT_ONCE)):
        yield chunk


def _profile(row: tuple[Any, ...]) -> ProfileNode:
    mpid, source, created_seq, created_ms, recency, active_ms, returned_ms, erased, types, size, version = row
    return ProfileNode(
        mpid,
        source,
        created_seq,
        created_ms,
        recency,
        active_ms,
        returned_ms,
        bool(erased),
        types,
        size,
        version,
    )
