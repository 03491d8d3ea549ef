"""How far the radar has watched each graph; part of `SqlReader`."""

from __future__ import annotations

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from idsync.model.identity import GraphKey
from idsync.store.sql.keyed import graph_id_of
from idsync.store.sql.looks import Looks, whole
from idsync.store.sql.tables import watched

__all__ = ["WatchedPlaces"]


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
        """Keep a place, unless a greater one is kept with the same limits."""
        async with self._engine.begin() as connection:
            graph_id = await graph_id_of(connection, key)
            mine = watched.c.graph_id == graph_id
            kept = (await connection.execute(select(watched.c.limits, watched.c.seq).where(mine))).first()
            if kept is not None and kept.limits == limits and kept.seq >= seq:
                return
            if kept is not None:
                await connection.execute(update(watched).where(mine).values(limits=limits, seq=seq))
                return
            try:
                async with connection.begin_nested():
                    await connection.execute(
                        insert(watched).values(graph_id=graph_id, limits=limits, seq=seq)
                    )
            except IntegrityError:
                # another node was first; which of the two places is kept makes no difference
                return
