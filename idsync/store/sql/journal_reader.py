"""Inspection of the journal: its entries by position, profile or request, with the values they name."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import orjson
from sqlalchemy import Row, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid
from idsync.model.journal import JournalEntry
from idsync.store.codec import from_stored, stored_identities, unpack
from idsync.store.rows import StoredEntry
from idsync.store.sql.keyed import graph_id_of, rows_in
from idsync.store.sql.looks import Looks, whole
from idsync.store.sql.tables import alias, identity, journal, link, must_not, profile

__all__ = ["JournalReader", "concerning"]


class JournalReader(Looks):
    """Reads the journal of every graph; part of `SqlReader`."""

    @whole
    async def entries(self, key: GraphKey, after: int, limit: int, mpid: Mpid | None) -> list[JournalEntry]:
        """Read on from a position."""
        query = select(journal).where(journal.c.seq > after).order_by(journal.c.seq).limit(limit)
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            if mpid is not None:
                query = query.where(journal.c.seq.in_(concerning(graph_id, mpid)))
            rows = (await connection.execute(query.where(journal.c.graph_id == graph_id))).all()
            return await self._shown(connection, key, graph_id, rows)

    @whole
    async def entries_at(self, key: GraphKey, seqs: Collection[int]) -> dict[int, JournalEntry]:
        """Pick entries."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            query = select(journal).where(journal.c.graph_id == graph_id).order_by(journal.c.seq)
            rows = await rows_in(connection, query, journal.c.seq, seqs)
            return {entry.seq: entry for entry in await self._shown(connection, key, graph_id, rows)}

    @whole
    async def entries_of_request(self, key: GraphKey, request_id: str, limit: int) -> list[JournalEntry]:
        """Find entries by request id."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            rows = await connection.execute(
                select(journal)
                .where(journal.c.graph_id == graph_id, journal.c.request_id == request_id)
                .order_by(journal.c.seq)
                .limit(limit)
            )
            return await self._shown(connection, key, graph_id, rows.all())

    async def _shown(
        self, connection: AsyncConnection, key: GraphKey, graph_id: int, rows: Iterable[Row[Any]]
    ) -> list[JournalEntry]:
        stored = [_entry(row) for row in rows]
        ids: set[int | None] = set()
        for entry in stored:
            ids |= stored_identities(entry)
        values = await self._values(connection, graph_id, ids)
        return [from_stored(key, entry, values.__getitem__) for entry in stored]

    async def _values(
        self, connection: AsyncConnection, graph_id: int, ids: Collection[int | None]
    ) -> dict[int, Identity]:
        query = select(identity.c.identity_id, identity.c.type, identity.c.value)
        rows = await rows_in(
            connection,
            query.where(identity.c.graph_id == graph_id),
            identity.c.identity_id,
            [i for i in ids if i is not None],
        )
        return {
            row.identity_id: Identity(IdentityType(row.type), (row.value or b"").decode()) for row in rows
        }


def concerning(graph_id: int, mpid: Mpid) -> Any:
    """Select the positions of the entries that concern a profile."""
    either = (alias.c.source == mpid) | (alias.c.destination == mpid)
    return union(
        select(journal.c.seq).where(journal.c.graph_id == graph_id, journal.c.mpid == mpid),
        select(link.c.since_seq).where(link.c.graph_id == graph_id, link.c.mpid == mpid),
        select(link.c.until_seq).where(
            link.c.graph_id == graph_id, link.c.mpid == mpid, link.c.until_seq.is_not(None)
        ),
        select(alias.c.seq).where(alias.c.graph_id == graph_id, either),
        select(must_not.c.seq).where(must_not.c.graph_id == graph_id, must_not.c.mpid == mpid),
        select(alias.c.settled_seq).where(
            alias.c.graph_id == graph_id, either, alias.c.settled_seq.is_not(None)
        ),
        # one of several that were erased together, and had no values any more
        select(profile.c.version).where(
            profile.c.graph_id == graph_id, profile.c.mpid == mpid, profile.c.erased != 0
        ),
    )


def _entry(row: Row[Any]) -> StoredEntry:
    changes, evidence = orjson.loads(row.body)
    return unpack(
        [
            row.seq,
            row.at_ms,
            row.cause,
            row.rule,
            row.request_id,
            row.input_id,
            row.mpid,
            changes,
            evidence,
            row.idempotency_key,
        ]
    )
