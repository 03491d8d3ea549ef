"""How far the radar has watched each graph; part of `SqlReader`."""

from __future__ import annotations

from sqlalchemy import select

from idsync.model.identity import GraphKey
from idsync.store.sql.keyed import graph_id_of
from idsync.store.sql.looks import Looks, whole
from idsync.store.sql.tables import watched

__all__ = ["WatchedPlaces"]


class WatchedPlaces(Looks):
    """Reads the radar's place in each journal; each store keeps it in its own way."""

    @whole
    async def watched_to(self, key: GraphKey, limits: str) -> int:
        """Give the place that was kept with these limits; 0: none was."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            query = select(watched.c.seq).where(watched.c.graph_id == graph_id, watched.c.limits == limits)
            return (await connection.scalar(query)) or 0
