"""Values that are on more than one record, as long as their type is not unique (ID-039)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from idsync.model.identity import GraphKey, Identity, IdentityType
from idsync.model.settings_version import SharedValue
from idsync.store.protocol import MAX_HOLDERS
from idsync.store.sql.keyed import graph_id_of
from idsync.store.sql.looks import Looks, whole
from idsync.store.sql.tables import identity, link, profile

__all__ = ["SharedValues"]


class SharedValues(Looks):
    """Finds values with several holders; part of `SqlReader`."""

    @whole
    async def shared_values(
        self, key: GraphKey, identity_type: int, limit: int, after: int = 0
    ) -> list[SharedValue]:
        """List values that are on more than one record, with their holders."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            shared = _shared(graph_id, identity_type).where(link.c.identity_id > after)
            rows = await connection.execute(shared.order_by(link.c.identity_id).limit(limit))
            found = [(int(identity_id), int(holders)) for identity_id, holders in rows]
            values = []
            for identity_id, holders in found:
                text = await connection.scalar(
                    select(identity.c.value).where(
                        identity.c.graph_id == graph_id, identity.c.identity_id == identity_id
                    )
                )
                mpids = await connection.scalars(
                    select(link.c.mpid)
                    .join(
                        profile,
                        (profile.c.graph_id == link.c.graph_id) & (profile.c.mpid == link.c.mpid),
                    )
                    .where(*_current(graph_id), link.c.identity_id == identity_id)
                    .order_by(profile.c.recency.desc())
                    .limit(MAX_HOLDERS + 1)
                )
                named = Identity(IdentityType(identity_type), (text or b"").decode())
                values.append(SharedValue(identity_id, named, tuple(mpids), holders))
            return values

    @whole
    async def count_shared(self, key: GraphKey, identity_type: int) -> int:
        """Count values that are on more than one record."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            shared = _shared(graph_id, identity_type).subquery()
            return await connection.scalar(select(func.count()).select_from(shared)) or 0


def _current(graph_id: int) -> tuple[ColumnElement[bool], ...]:
    return link.c.graph_id == graph_id, link.c.until_seq.is_(None), link.c.descriptive == 0


def _shared(graph_id: int, identity_type: int) -> Select[Any]:
    of_type = select(identity.c.identity_id).where(
        identity.c.graph_id == graph_id, identity.c.type == identity_type
    )
    return (
        select(link.c.identity_id, func.count())
        .where(*_current(graph_id), link.c.identity_id.in_(of_type))
        .group_by(link.c.identity_id)
        .having(func.count() > 1)
    )
