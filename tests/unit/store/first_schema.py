"""How a database looks that the first schema made: what later migrations added is taken away again."""

from __future__ import annotations

from typing import Final

__all__ = ["TO_POSTGRES", "TO_SQLITE"]

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
_TAKEN: Final = (
    *(f"DROP TABLE {name}" for name in _TABLES),
    "ALTER TABLE identity DROP COLUMN must_nots",
    "ALTER TABLE identity DROP COLUMN flags",
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
