"""What calls ask the database: prepared text, led by the graph and by arrays of keys.

Each key is looked up by itself (`LATERAL ... OFFSET 0`): left to choose, the planner goes through a whole
graph as long as it believes that the graph is small.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ALIASES_BY_SEQ",
    "ALIASES_OF",
    "ENTRIES_BY_KEY",
    "GRAPH",
    "HOLDERS",
    "HOLD_GRAPH",
    "IDENTITIES_BY_ID",
    "IDENTITIES_BY_VALUE",
    "LINKS_OF",
    "MUST_NOTS_BY_SEQ",
    "MUST_NOTS_OF",
    "NEWEST",
    "NEW_GRAPH",
    "NOTE_WATCHED",
    "PROFILES",
    "WAS_COMMITTED",
    "WRITE",
]

_IDENTITY: Final = "identity_id, type, value, version, holders, must_nots, flags"
_ALIAS: Final = (
    "seq, source, destination, start_ms, end_ms, scope, stamp_id, apply_at_ms, state, arrived_ms, "
    "ignored_reason, applied_ms, settled_seq"
)

GRAPH: Final = "SELECT graph_id FROM graph WHERE scope = $1 AND environment = $2"

HOLD_GRAPH: Final = "SELECT last_seq, last_identity_id FROM graph WHERE graph_id = $1 FOR NO KEY UPDATE"
"""Until the commit nobody else adds to the graph: its positions are given in the order of commits."""

NEW_GRAPH: Final = (
    "INSERT INTO graph (scope, environment) VALUES ($1, $2) ON CONFLICT (scope, environment) DO NOTHING"
)

IDENTITIES_BY_VALUE: Final = (
    "SELECT i.* FROM unnest($2::int[], $3::bytea[]) AS k(type, digest) CROSS JOIN LATERAL ("
    f"SELECT {_IDENTITY} FROM identity "
    "WHERE graph_id = $1 AND type = k.type AND digest = k.digest OFFSET 0) i"
)

IDENTITIES_BY_ID: Final = (
    "SELECT i.* FROM unnest($2::bigint[]) AS k(id) CROSS JOIN LATERAL ("
    f"SELECT {_IDENTITY} FROM identity WHERE graph_id = $1 AND identity_id = k.id OFFSET 0) i"
)

HOLDERS: Final = (
    "SELECT k.id, k.kind, l.mpid, l.recency "
    "FROM unnest($2::bigint[], $3::bigint[], $4::int[]) AS k(id, kind, size) CROSS JOIN LATERAL ("
    "SELECT mpid, recency FROM link WHERE graph_id = $1 AND identity_id = k.id AND kind = k.kind "
    "AND until_seq IS NULL ORDER BY recency DESC LIMIT k.size) l"
)
"""The newest holders of each identity and kind, as many as are asked for."""

NEWEST: Final = (
    "SELECT k.id, max(l.recency) FROM unnest($2::bigint[], $3::bigint[]) AS k(id, kind) CROSS JOIN LATERAL ("
    "SELECT recency FROM link WHERE graph_id = $1 AND identity_id = k.id AND kind = k.kind "
    "AND until_seq IS NULL ORDER BY recency DESC LIMIT 1) l GROUP BY k.id"
)

PROFILES: Final = (
    "SELECT p.* FROM unnest($2::bigint[]) AS k(mpid) CROSS JOIN LATERAL ("
    "SELECT mpid, source, created_seq, created_ms, recency, active_ms, returned_ms, erased, types, size, "
    "version FROM profile WHERE graph_id = $1 AND mpid = k.mpid OFFSET 0) p"
)

LINKS_OF: Final = (
    "SELECT l.identity_id, l.mpid, l.since_seq, l.position, l.descriptive "
    "FROM unnest($2::bigint[]) AS k(mpid) CROSS JOIN LATERAL ("
    "SELECT identity_id, mpid, since_seq, position, descriptive, until_seq FROM link "
    "WHERE graph_id = $1 AND mpid = k.mpid OFFSET 0) l "
    "WHERE l.until_seq IS NULL ORDER BY l.since_seq, l.position"
)
"""The open links of each profile.

Asked for within, `until_seq IS NULL` makes the index of open links by identity eligible, and in a new
database the planner believes that there are next to none.
"""

ALIASES_OF: Final = (
    "SELECT a.* FROM unnest($2::bigint[]) AS k(mpid) CROSS JOIN LATERAL ("
    f"SELECT {_ALIAS} FROM alias WHERE graph_id = $1 AND source = k.mpid "
    f"UNION SELECT {_ALIAS} FROM alias WHERE graph_id = $1 AND destination = k.mpid) a ORDER BY a.seq"
)
"""An alias request comes once for each profile that it was asked for by."""

ALIASES_BY_SEQ: Final = (
    "SELECT a.* FROM unnest($2::bigint[]) AS k(seq) CROSS JOIN LATERAL ("
    f"SELECT {_ALIAS} FROM alias WHERE graph_id = $1 AND seq = k.seq OFFSET 0) a"
)

_MUST_NOT: Final = "seq, position, side, identity_id, mpid, until_seq"

MUST_NOTS_OF: Final = (
    "SELECT m.* FROM (SELECT DISTINCT n.seq FROM unnest($2::bigint[]) AS k(id) CROSS JOIN LATERAL ("
    "SELECT seq FROM must_not WHERE graph_id = $1 AND identity_id = k.id AND until_seq IS NULL OFFSET 0) n"
    ") s CROSS JOIN LATERAL ("
    f"SELECT {_MUST_NOT} FROM must_not WHERE graph_id = $1 AND seq = s.seq OFFSET 0) m"
)
"""All members of the must-not-links that stand and name an identity."""

MUST_NOTS_BY_SEQ: Final = (
    "SELECT m.* FROM unnest($2::bigint[]) AS k(seq) CROSS JOIN LATERAL ("
    f"SELECT {_MUST_NOT} FROM must_not WHERE graph_id = $1 AND seq = k.seq OFFSET 0) m"
)

ENTRIES_BY_KEY: Final = (
    "SELECT j.* FROM unnest($2::text[], $3::text[]) AS k(input_id, key) CROSS JOIN LATERAL ("
    "SELECT seq, at_ms, cause, rule, request_id, input_id, mpid, body, idempotency_key FROM journal "
    "WHERE graph_id = $1 AND input_id = k.input_id AND idempotency_key = k.key ORDER BY seq LIMIT 1) j"
)

NOTE_WATCHED: Final = (
    "INSERT INTO watched (graph_id, limits, seq) VALUES ($1, $2, $3) "
    "ON CONFLICT (graph_id) DO UPDATE SET limits = excluded.limits, seq = excluded.seq "
    "WHERE watched.limits <> excluded.limits OR watched.seq < excluded.seq"
)
"""Keeps the radar's place, unless a greater one is kept with the same limits."""

WAS_COMMITTED: Final = "SELECT mark FROM journal WHERE graph_id = $1 AND seq = $2"

_WRITTEN: Final = (
    # table, columns with their types, key beside the graph, what changes in a row that is there already
    (
        "identity",
        "identity_id:bigint type:int digest:bytea value:bytea version:bigint holders:bytea must_nots:int "
        "flags:bytea",
        "identity_id",
        "digest value version holders must_nots flags",
    ),
    (
        "profile",
        "mpid:bigint source:bigint created_seq:bigint created_ms:bigint recency:bigint active_ms:bigint "
        "returned_ms:bigint erased:int types:bigint size:int version:bigint",
        "mpid",
        "recency active_ms returned_ms erased types size version",
    ),
    (
        "link",
        "identity_id:bigint mpid:bigint since_seq:bigint position:int until_seq:bigint descriptive:int "
        "kind:bigint recency:bigint",
        "identity_id, mpid, since_seq",
        "position until_seq descriptive kind recency",
    ),
    (
        "alias",
        "seq:bigint source:bigint destination:bigint start_ms:bigint end_ms:bigint scope:text "
        "stamp_id:bigint apply_at_ms:bigint state:int arrived_ms:bigint ignored_reason:text "
        "applied_ms:bigint settled_seq:bigint",
        "seq",
        "state ignored_reason applied_ms settled_seq",
    ),
    (
        "must_not",
        "seq:bigint position:int side:int identity_id:bigint mpid:bigint until_seq:bigint",
        "seq, position",
        "until_seq",
    ),
    (
        "flag",
        "identity_id:bigint kind:int seq:bigint until_seq:bigint",
        "identity_id, kind, seq",
        "until_seq",
    ),
    ("directory", "mpid:bigint", "", ""),
    (
        "journal",
        "seq:bigint at_ms:bigint cause:text rule:text request_id:text input_id:text mpid:bigint "
        "idempotency_key:text body:bytea mark:bigint",
        "",
        "",
    ),
)


def _write() -> str:
    """Give one statement that writes the rows of one graph, each column of each table as an array."""
    parts: list[str] = []
    last = 3
    for table, columns, key, changing in _WRITTEN:
        named = [column.split(":") for column in columns.split()]
        names = ", ".join(name for name, _ in named)
        arrays = ", ".join(f"${number}::{kind}[]" for number, (_, kind) in enumerate(named, start=last + 1))
        last += len(named)
        part = f"INSERT INTO {table} (graph_id, {names}) SELECT $1, k.* FROM unnest({arrays}) AS k({names})"
        if key:
            settings = ", ".join(f"{name} = excluded.{name}" for name in changing.split())
            part += f" ON CONFLICT (graph_id, {key}) DO UPDATE SET {settings}"
        parts.append(f"of_{table} AS ({part})")
    return (
        f"WITH {', '.join(parts)} UPDATE graph SET last_seq = $2, last_identity_id = $3 WHERE graph_id = $1"
    )


WRITE: Final = _write()
"""All rows of one graph that a transaction changes; its arrays come from `GraphTables.write`."""
