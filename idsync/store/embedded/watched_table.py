"""The radar's place in each journal: written on the connection of the fold."""

from __future__ import annotations

import sqlite3
from typing import Final

__all__ = ["WatchedTable"]

_NOTE: Final = (
    "INSERT INTO watched (graph_id, limits, seq) VALUES (?,?,?) "
    "ON CONFLICT (graph_id) DO UPDATE SET limits = excluded.limits, seq = excluded.seq"
)


class WatchedTable:
    """Writes places, each time in one transaction.

    Args:
        tables: In autocommit.
    """

    def __init__(self, tables: sqlite3.Connection) -> None:
        self._tables = tables

    def note(self, graph_id: int, limits: str, seq: int) -> int:
        """Keep a place in place of the one before; gives the number of rows."""
        return self._tables.execute(_NOTE, (graph_id, limits, seq)).rowcount
