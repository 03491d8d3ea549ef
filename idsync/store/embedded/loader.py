"""Synchronous reads of the embedded store: prepared text, one query for all missing keys of a round."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import orjson

from idsync.model.aliasing import AliasState
from idsync.model.identity import Environment, GraphKey, Identity, Mpid
from idsync.store.codec import unpack
from idsync.store.embedded.nodes import ProfileNode
from idsync.store.rows import AliasRow, FlagRow, LinkRow, MustNotRow, StoredEntry, StoredTerms

__all__ = ["IdentityRead", "Loader", "digest", "profile_node"]

K = TypeVar("K")
IdentityRead: TypeAlias = tuple[Any, ...]
"""Id, type, value, version; whether a link is descriptive, its MPID, the further columns of that profile.

An identity has a row for each open link. Without any it has one row in which nothing follows its version.
"""

_AT_ONCE: Final = 256
"""Keys of one statement; longer lists take several."""

_PROFILE: Final = (
    "SELECT mpid, source, created_seq, created_ms, recency, active_ms, returned_ms, erased, types, size, "
    "version FROM profile WHERE graph_id = ? AND mpid IN ({})"
)
_RECENCY: Final = "SELECT mpid, recency FROM profile WHERE graph_id = ? AND mpid IN ({})"
_IDENTITY: Final = (
    "SELECT i.identity_id, i.type, i.value, i.version, l.descriptive, l.mpid, p.source, p.created_seq, "
    "p.created_ms, p.recency, p.active_ms, p.returned_ms, p.erased, p.types, p.size, p.version"
)
_HOLDERS: Final = (
    "LEFT JOIN link l ON l.graph_id = i.graph_id AND l.identity_id = i.identity_id AND l.until_seq IS NULL "
    "LEFT JOIN profile p ON p.graph_id = i.graph_id AND p.mpid = l.mpid"
)
# CROSS JOIN leads from the keys to the identities, whatever the planner thinks of either
_BY_VALUE: Final = (
    f"WITH k(t, d) AS (VALUES {{}}) {_IDENTITY} FROM k "
    f"CROSS JOIN identity i ON i.graph_id = ? AND i.type = k.t AND i.digest = k.d {_HOLDERS}"
)
_BY_ID: Final = f"{_IDENTITY} FROM identity i {_HOLDERS} WHERE i.graph_id = ? AND i.identity_id IN ({{}})"
_EXISTS: Final = "SELECT 1 FROM identity WHERE graph_id = ? AND identity_id = ?"
# of each graph, as keys begin with the graph: over all of them it would be a walk through the table
_LAST_IDENTITY: Final = (
    "SELECT coalesce(max(m), 0) FROM "
    "(SELECT (SELECT max(identity_id) FROM identity WHERE graph_id = g.graph_id) AS m FROM graph g)"
)
_LINKS = (
    "SELECT identity_id, mpid, since_seq, position, descriptive FROM link "
    "WHERE graph_id = ? AND mpid = ? AND until_seq IS NULL ORDER BY since_seq, position"
)
_ALIASES = (
    "SELECT seq, source, destination, start_ms, end_ms, scope, stamp_id, apply_at_ms, state, arrived_ms, "
    "ignored_reason, applied_ms, settled_seq FROM alias WHERE graph_id = ? AND {} = ?"
)
_MUST_NOTS = (
    "SELECT seq, position, side, identity_id, mpid FROM must_not WHERE graph_id = ? AND until_seq IS NULL "
    "ORDER BY seq, position"
)
_FLAGS = (
    "SELECT identity_id, kind, seq FROM flag WHERE graph_id = ? AND until_seq IS NULL "
    "ORDER BY identity_id, kind, seq"
)
_BY_KEY = (
    "SELECT seq, at_ms, cause, rule, request_id, input_id, mpid, body, idempotency_key FROM journal "
    "WHERE graph_id = ? AND input_id = ? AND idempotency_key = ? ORDER BY seq LIMIT 1"
)
_CONFIGURATION = (
    "SELECT version, author, at_ms, settings FROM configuration WHERE scope = ? ORDER BY version DESC LIMIT 1"
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
        identity_id = self._connection.execute(_LAST_IDENTITY)
        mpid = self._connection.execute("SELECT coalesce(max(mpid), 0) FROM directory")
        return identity_id.fetchone()[0], mpid.fetchone()[0]

    def last_seq(self, graph_id: int) -> int:
        """Give the position of the newest entry of a graph."""
        row = self._connection.execute("SELECT max(seq) FROM journal WHERE graph_id = ?", (graph_id,))
        return row.fetchone()[0] or 0

    def graph_of(self, mpid: Mpid) -> int | None:
        """Say which graph an MPID belongs to."""
        row = self._connection.execute("SELECT graph_id FROM directory WHERE mpid = ?", (mpid,)).fetchone()
        return None if row is None else row[0]

    def identities(self, graph_id: int, keys: Mapping[Identity, bytes]) -> list[IdentityRead]:
        """Find identities by value, given with their digests, and who holds them now.

        The value itself is compared after the look-up. One without holders has one row all the same.
        """
        wanted = {key.value.encode() for key in keys}
        rows: list[IdentityRead] = []
        for chunk in _chunks(keys.items()):
            parameters: list[Any] = []
            for (type_, _), key in chunk:
                parameters += type_, key
            parameters.append(graph_id)
            rows += self._connection.execute(_by_value(len(chunk)), parameters)
        return [row for row in rows if row[2] in wanted]

    def identities_by_id(self, graph_id: int, ids: Collection[int]) -> list[IdentityRead]:
        """Find identities by id, likewise."""
        return self._in(_BY_ID, graph_id, ids)

    def has_identity(self, graph_id: int, identity_id: int) -> bool:
        """Say whether the tables have an identity."""
        return self._connection.execute(_EXISTS, (graph_id, identity_id)).fetchone() is not None

    def profiles(self, graph_id: int, mpids: Collection[Mpid]) -> list[ProfileNode]:
        """Find profiles, erased ones included, without links."""
        return [profile_node(*row) for row in self._in(_PROFILE, graph_id, mpids)]

    def recencies(self, graph_id: int, mpids: Collection[Mpid]) -> list[tuple[Mpid, int]]:
        """Find the places of profiles in the order of ID-011."""
        return self._in(_RECENCY, graph_id, mpids)

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

    def must_nots(self, graph_id: int) -> list[MustNotRow]:
        """List the members of all must-not-links of a graph that stand."""
        return [MustNotRow(*row) for row in self._connection.execute(_MUST_NOTS, (graph_id,))]

    def flags(self, graph_id: int) -> list[FlagRow]:
        """List the flags of a graph that stand."""
        return [FlagRow(*row) for row in self._connection.execute(_FLAGS, (graph_id,))]

    def entry_by_key(self, graph_id: int, input_id: str, key: str) -> StoredEntry | None:
        """Find the entry that carries an idempotency key of an input."""
        row = self._connection.execute(_BY_KEY, (graph_id, input_id, key)).fetchone()
        if row is None:
            return None
        changes, evidence = orjson.loads(row[7])
        return unpack([*row[:7], changes, evidence, row[8]])

    def configuration(self, scope: str) -> tuple[int, str, int, str] | None:
        """Find the newest configuration version of a scope: number, author, UTC milliseconds, settings."""
        row: tuple[int, str, int, str] | None = self._connection.execute(_CONFIGURATION, (scope,)).fetchone()
        return row

    def _in(self, text: str, graph_id: int, keys: Collection[int]) -> list[Any]:
        rows: list[Any] = []
        for chunk in _chunks(keys):
            rows += self._connection.execute(_with_marks(text, len(chunk)), (graph_id, *chunk))
        return rows


@cache
def _by_value(keys: int) -> str:
    return _BY_VALUE.format(",".join(["(?,?)"] * keys))


@cache
def _with_marks(text: str, keys: int) -> str:
    return text.format(",".join("?" * keys))


def _chunks(keys: Iterable[K]) -> Iterator[list[K]]:
    remaining = iter(keys)
    while chunk := list(islice(remaining, _AT_ONCE)):
        yield chunk


def profile_node(
    mpid: Mpid,
    source: Mpid | None,
    created_seq: int,
    created_ms: int,
    recency: int,
    active_ms: int,
    returned_ms: int | None,
    erased: int,
    types: int,
    size: int,
    version: int,
) -> ProfileNode:
    """Make a node of the columns of a profile, in their order."""
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
