"""What SQLite's planner must know: the first column of every key says almost nothing.

Every key begins with the graph, and a store has few graphs with many rows. Without statistics SQLite
believes that the graph alone is selective and walks whole tables along the primary key. So the schema brings
statistics.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

__all__ = ["teach"]

_ROWS: Final = 10_000_000
_STATISTICS: Final = (
    ("identity", "identity", (_ROWS, 1)),
    ("identity", "sqlite_autoindex_identity_2", (_ROWS, 2_000_000, 1)),
    ("profile", "profile", (_ROWS, 1)),
    ("link", "link", (_ROWS, 2, 1, 1)),
    ("link", "link_by_profile", (_ROWS, 4, 1)),
    ("alias", "alias", (_ROWS, 1)),
    ("alias", "alias_by_source", (_ROWS, 2)),
    ("alias", "alias_by_destination", (_ROWS, 2)),
    ("alias", "alias_by_time", (2_000_000, 10)),
    ("must_not", "must_not", (_ROWS, 4, 1)),
    ("must_not", "must_not_by_identity", (_ROWS, 2)),
    ("must_not", "must_not_by_profile", (_ROWS, 2)),
    ("flag", "flag", (_ROWS, 2, 1, 1)),
    ("flag", "flag_by_place", (_ROWS, 1)),
    ("journal", "journal", (_ROWS, 1)),
    ("journal", "journal_by_profile", (_ROWS, 4, 1)),
    ("journal", "journal_by_request", (_ROWS, 2)),
    ("journal", "journal_by_key", (_ROWS, 1_000_000, 1)),
    ("seal", "seal", (_ROWS, 1)),
)
"""Table, index, and how many rows share the first column, the first two, and so on."""


def teach(connection: Connection) -> None:
    """Give an SQLite database the statistics; other engines gather their own."""
    if connection.dialect.name != "sqlite":
        return
    # makes the table of statistics; what is gathered is not used
    connection.execute(text("ANALYZE fold_position"))
    connection.execute(text("DELETE FROM sqlite_stat1"))
    for table, index, shared in _STATISTICS:
        connection.execute(
            text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:table, :index, :stat)"),
            {"table": table, "index": index, "stat": " ".join(map(str, (_ROWS, *shared)))},
        )
