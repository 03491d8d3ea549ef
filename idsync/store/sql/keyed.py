"""Looking rows up by graph and key, many keys in few queries."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from idsync.model.identity import GraphKey
from idsync.store.sql.tables import graph

__all__ = ["graph_id_of", "rows_in"]

_IN_AT_ONCE = 500


async def graph_id_of(connection: AsyncConnection, key: GraphKey) -> int:
    """Give a graph's number; 0, which no graph has, where there is no such graph."""
    found = await connection.scalar(
        select(graph.c.graph_id).where(
            graph.c.scope == key.scope, graph.c.environment == int(key.environment)
        )
    )
    return found or 0


async def rows_in(
    connection: AsyncConnection, query: Any, column: Any, keys: Collection[Any]
) -> list[Row[Any]]:
    """Run a query for many keys, some at a time."""
    ordered = sorted(keys)
    rows: list[Row[Any]] = []
    for start in range(0, len(ordered), _IN_AT_ONCE):
        part = ordered[start : start + _IN_AT_ONCE]
        rows += (await connection.execute(query.where(column.in_(part)))).all()
    return rows
