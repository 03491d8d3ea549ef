"""How a database looks that the first schema made: what later migrations added is taken away again."""

from __future__ import annotations

from typing import Final

__all__ = ["STAGING_COLUMNS", "TO_POSTGRES", "TO_SQLITE"]

_TABLES: Final = (
    "flag",
    "watched",
    "must_not",
    "recorded_call",
    "recorded_value",
    "recorded_span",
    "seal",
    "chain",
)
STAGING_COLUMNS: Final = (
    "effective_ms",
    "note",
    "repair",
    "withdrawn_ms",
    "withdrawn_by",
    "withdrawn_note",
    "taken_ms",
    "repaired_ms",
)
"""What the table of configuration versions got with staged ones."""
_COLUMNS: Final = (("identity", ("must_nots", "flags")), ("configuration", STAGING_COLUMNS))
_TAKEN: Final = (
    *(f"DROP TABLE {name}" for name in _TABLES),
    *(f"ALTER TABLE {table} DROP COLUMN {name}" for table, names in _COLUMNS for name in names),
)
TO_SQLITE: Final = "; ".join(
    (
        *_TAKEN,
        "DELETE FROM sqlite_stat1 WHERE tbl IN ('must_not', 'seal', 'flag')",
        "UPDATE alembic_version SET version_num = '0001'",
    )
)
"""A script for SQLite."""
TO_POSTGRES: Final = "; ".join((*_TAKEN, "UPDATE idsync_version SET version_num = '0001'"))
"""A script for PostgreSQL."""
