"""What the record of calls asks the database, likewise led by the graph and by arrays of keys."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CALLS_OF",
    "DROP_CALLS",
    "DROP_VALUES",
    "EMPTY_VALUES",
    "HELD",
    "IDENTITY_IDS",
    "KEEP_VALUES",
    "NOTHING_UP_TO",
    "RECORD",
    "SPAN",
    "VALUES_BY_ID",
    "VALUE_IDS",
]

IDENTITY_IDS: Final = (
    "SELECT i.* FROM unnest($2::int[], $3::bytea[]) AS k(type, digest) CROSS JOIN LATERAL ("
    "SELECT type, digest, identity_id FROM identity "
    "WHERE graph_id = $1 AND type = k.type AND digest = k.digest OFFSET 0) i"
)

VALUE_IDS: Final = (
    "SELECT v.* FROM unnest($2::int[], $3::bytea[]) AS k(type, digest) CROSS JOIN LATERAL ("
    "SELECT type, digest, value_id FROM recorded_value "
    "WHERE graph_id = $1 AND type = k.type AND digest = k.digest OFFSET 0) v"
)

KEEP_VALUES: Final = (
    "INSERT INTO recorded_value (graph_id, value_id, type, digest, value, at_ms) "
    "SELECT $1::int, k.*, $2::bigint FROM unnest($3::bigint[], $4::int[], $5::bytea[], $6::bytea[]) AS k "
    "ON CONFLICT (graph_id, type, digest) DO UPDATE "
    "SET at_ms = greatest(recorded_value.at_ms, excluded.at_ms) RETURNING type, digest, value_id"
)
"""Also of those that are there already: which ones another node may just be writing as well."""

RECORD: Final = (
    "INSERT INTO recorded_call "
    "(graph_id, call_id, after_seq, seq, operation, mpid, named, rule, count, body) SELECT $1::int, k.* FROM "
    "unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], "
    "$9::int[], $10::bytea[]) AS k"
)

SPAN: Final = (
    "INSERT INTO recorded_span (graph_id, node, from_seq, to_seq, not_recorded, at_ms) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (graph_id, node) DO UPDATE "
    "SET to_seq = excluded.to_seq, not_recorded = excluded.not_recorded, at_ms = excluded.at_ms"
)

CALLS_OF: Final = "SELECT body FROM recorded_call WHERE graph_id = $1 AND mpid = ANY($2::bigint[])"

VALUES_BY_ID: Final = (
    "SELECT type, digest, value_id FROM recorded_value "
    "WHERE graph_id = $1 AND value_id = ANY($2::bigint[]) AND digest IS NOT NULL"
)

HELD: Final = (
    "SELECT k.type, k.digest FROM unnest($2::int[], $3::bytea[]) AS k(type, digest) CROSS JOIN LATERAL ("
    "SELECT identity_id FROM identity "
    "WHERE graph_id = $1 AND type = k.type AND digest = k.digest OFFSET 0) i "
    "CROSS JOIN LATERAL (SELECT FROM link WHERE graph_id = $1 AND identity_id = i.identity_id "
    "AND until_seq IS NULL AND mpid <> ALL($4::bigint[]) LIMIT 1) l"
)
"""Which values live profiles hold besides some."""

EMPTY_VALUES: Final = (
    "UPDATE recorded_value SET digest = NULL, value = NULL "
    "WHERE graph_id = $1 AND value_id = ANY($2::bigint[])"
)

DROP_CALLS: Final = (
    "WITH gone AS (DELETE FROM recorded_call WHERE graph_id = $1 AND call_id IN (SELECT call_id "
    "FROM recorded_call WHERE graph_id = $1 AND call_id < $2 ORDER BY call_id LIMIT $3) "
    "RETURNING after_seq) SELECT count(*), max(after_seq) FROM gone"
)

NOTHING_UP_TO: Final = (
    "UPDATE recorded_span SET from_seq = least(to_seq, $2) WHERE graph_id = $1 AND from_seq < $2"
)

DROP_VALUES: Final = (
    "WITH gone AS (DELETE FROM recorded_value WHERE graph_id = $1 AND value_id IN (SELECT value_id "
    "FROM recorded_value WHERE graph_id = $1 AND value_id < $2 AND at_ms < $3 ORDER BY value_id LIMIT $4) "
    "RETURNING 1) SELECT count(*) FROM gone"
)
"""A value is numbered when it is named first, and never named before that."""
