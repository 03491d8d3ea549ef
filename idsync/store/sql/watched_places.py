"""How far the radar has watched each graph; part of `SqlReader`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, text

from idsync.model.identity import GraphKey
from idsync.store.sql.keyed import graph_id_of
from idsync.store.sql.looks import Looks, whole
from idsync.store.sql.tables import watched

__all__ = ["WatchedPlaces"]

_NOTE: Final = (
    "INSERT INTO watched (graph_id, limits, seq) VALUES (:graph_id, :limits, :seq) "
    "ON CONFLICT (graph_id) DO UPDATE SET limits = excluded.limits, seq = excluded.seq "
    "WHERE watched.limits <> excluded.limits OR watched.seq < excluded.seq"
)
"""Keeps a place, unless a greater one is kept with the same limits."""


class WatchedPlaces(Looks):
    """Reads and keeps the radar's place in each journal."""

    @whole
    async def watched_to(self, key: GraphKey, limits: str) -> int:
        """Give the place that was kept with these limits; 0: none was."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            query = select(watched.c.seq).where(watched.c.graph_id == graph_id, watched.c.limits == limits)
            return (await connection.scalar(query)) or 0

    @whole
    async def note_watched(self, key: GraphKey, limits: str, seq: int) -> None:
        """Keep a place."""
        async with self._engine.begin() as connection:
            row = {"graph_id": await graph_id_of(connection, key), "limits": limits, "seq": seq}
            await connection.execute(text(_NOTE), row)
