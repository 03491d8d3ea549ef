"""Looks at the past: from the lifetimes of links and the times of entries, without another fold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

import orjson
from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from idsync.model.aliasing import AliasState
from idsync.model.identity import GraphKey, Mpid
from idsync.model.journal import ChangeKind
from idsync.model.moment import Moment
from idsync.model.profile import Profile
from idsync.store.rows import AliasRow
from idsync.store.sql.journal_reader import JournalReader
from idsync.store.sql.keyed import graph_id_of, rows_in
from idsync.store.sql.looks import whole
from idsync.store.sql.moves import moves
from idsync.store.sql.profile_rows import alias_row, shown_profile
from idsync.store.sql.tables import alias, journal, link, profile

__all__ = ["PastReader"]

_ENTRIES_AT_ONCE: Final = 100
_began = journal.alias("began")
_ended = journal.alias("ended")


class PastReader(JournalReader):
    """Reads what the tables said at a moment; part of `SqlReader`."""

    @whole
    async def last_seq(self, key: GraphKey) -> int:
        """Give the position of the last entry."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            newest = select(func.max(journal.c.seq)).where(journal.c.graph_id == graph_id)
            return await connection.scalar(newest) or 0

    @whole
    async def profiles_at(
        self, key: GraphKey, mpids: Collection[Mpid], moment: Moment
    ) -> dict[Mpid, Profile]:
        """Show profiles as they were."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            rows = await rows_in(
                connection, select(profile).where(profile.c.graph_id == graph_id), profile.c.mpid, mpids
            )
            found = [row for row in rows if moment.covers(row.created_seq, row.created_ms)]
            links = await _links(connection, graph_id, [row.mpid for row in found if not row.erased], moment)
            aliases = await _aliases(connection, graph_id, [row.mpid for row in found], moment)
            held = {(row.mpid, row.identity_id) for row in links if not row.descriptive}
            living = [row.mpid for row in found if not row.erased]
            moved = await moves(connection, graph_id, living, held, moment)
            ids = {row.identity_id for row in links} | {row.terms.stamp_id for row in aliases}
            values = await self._values(connection, graph_id, ids)
            said = {row.since_seq: row for row in links}
            return {
                row.mpid: replace(
                    shown_profile(key, row, links, said, aliases, values, moved),
                    **await _return(connection, graph_id, row, moment),
                )
                for row in found
            }

    @whole
    async def find_profiles_at(
        self, key: GraphKey, wanted: int | None, moment: Moment, limit: int, before: Mpid | None
    ) -> list[Mpid]:
        """List who held an identity, by id, greatest MPID first."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            query = (
                _held(select(link.c.mpid).distinct(), moment)
                .join(profile, and_(profile.c.graph_id == link.c.graph_id, profile.c.mpid == link.c.mpid))
                .where(
                    link.c.graph_id == graph_id,
                    link.c.identity_id == wanted,
                    link.c.descriptive == 0,
                    profile.c.erased == 0,
                )
            )
            if before is not None:
                query = query.where(link.c.mpid < before)
            return list(await connection.scalars(query.order_by(link.c.mpid.desc()).limit(limit)))


def _held(query: Select[Any], moment: Moment) -> Select[Any]:
    """Let through the links that began by then, by an entry that counts, and had not ended by one."""
    began = and_(_began.c.graph_id == link.c.graph_id, _began.c.seq == link.c.since_seq)
    ended = and_(_ended.c.graph_id == link.c.graph_id, _ended.c.seq == link.c.until_seq)
    query = query.select_from(link.join(_began, began).outerjoin(_ended, ended))
    still = or_(link.c.until_seq.is_(None), link.c.until_seq > moment.seq)
    if moment.time_ms is not None:
        query = query.where(_began.c.at_ms <= moment.time_ms)
        still = or_(still, _ended.c.at_ms > moment.time_ms)
    return query.where(link.c.since_seq <= moment.seq, still)


async def _links(
    connection: AsyncConnection, graph_id: int, mpids: Collection[Mpid], moment: Moment
) -> list[Row[Any]]:
    """List the links that profiles had, oldest first."""
    columns = (link.c.identity_id, link.c.mpid, link.c.since_seq, link.c.descriptive)
    query = _held(select(*columns, _began.c.at_ms, _began.c.rule), moment)
    query = query.where(link.c.graph_id == graph_id).order_by(link.c.since_seq, link.c.position)
    once: dict[tuple[int, Mpid, int], Row[Any]] = {}
    for row in await rows_in(connection, query, link.c.mpid, mpids):
        # after a clock was set back, a value may be taken off later than it was given again
        once.setdefault((row.identity_id, row.mpid, row.descriptive), row)
    return list(once.values())


async def _aliases(
    connection: AsyncConnection, graph_id: int, mpids: Collection[Mpid], moment: Moment
) -> list[AliasRow]:
    """List the alias requests that named profiles, with what had become of them."""
    found = {
        row.seq: alias_row(row)
        for column in (alias.c.source, alias.c.destination)
        for row in await rows_in(connection, select(alias).where(alias.c.graph_id == graph_id), column, mpids)
        if moment.covers(row.seq, row.arrived_ms)
    }
    times = await rows_in(
        connection,
        select(journal.c.seq, journal.c.at_ms).where(journal.c.graph_id == graph_id),
        journal.c.seq,
        {row.settled_seq for row in found.values() if row.settled_seq is not None},
    )
    settled = {row.seq for row in times if moment.covers(row.seq, row.at_ms)}
    return [
        row if row.settled_seq in settled else AliasRow(seq, row.terms, AliasState.PENDING, row.arrived_ms)
        for seq, row in sorted(found.items())
    ]


async def _return(
    connection: AsyncConnection, graph_id: int, row: Row[Any], moment: Moment
) -> dict[str, Any]:
    """Find the last return that counts (ID-011); it stands in an entry that names the profile."""
    if row.returned_ms is None or moment.covers(row.recency, row.returned_ms):
        return {}
    query = select(journal.c.seq, journal.c.at_ms, journal.c.body).where(
        journal.c.graph_id == graph_id, journal.c.mpid == row.mpid
    )
    if moment.time_ms is not None:
        query = query.where(journal.c.at_ms <= moment.time_ms)
    query = query.order_by(journal.c.seq.desc()).limit(_ENTRIES_AT_ONCE)
    end = min(row.recency, moment.seq + 1)
    while entries := (await connection.execute(query.where(journal.c.seq < end))).all():
        for entry in entries:
            if _returns(entry.body, row.mpid):
                return {"recency": entry.seq, "returned_ms": entry.at_ms}
        end = entries[-1].seq
    return {"recency": row.created_seq, "returned_ms": None}


def _returns(body: bytes, mpid: Mpid) -> bool:
    changes, _ = orjson.loads(body)
    return any(change[:2] == [ChangeKind.RETURNED, mpid] for change in changes)
