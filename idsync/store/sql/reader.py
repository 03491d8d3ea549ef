"""Inspection over the tables: everything that is not asked with each call, through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select

from idsync.model.aliasing import AliasRecord, AliasState
from idsync.model.flag import Flag, Flagged
from idsync.model.identity import Environment, GraphKey, Identity, Mpid
from idsync.model.profile import Link, Profile
from idsync.store.codec import alias_record
from idsync.store.sql.configuration_versions import ConfigurationVersions
from idsync.store.sql.history_reader import HistoryReader
from idsync.store.sql.keyed import graph_id_of, rows_in
from idsync.store.sql.looks import whole
from idsync.store.sql.moves import moves
from idsync.store.sql.past_reader import PastReader
from idsync.store.sql.profile_rows import alias_row, shown_profile
from idsync.store.sql.tables import alias, directory, flag, graph, identity, journal, link, profile
from idsync.store.sql.traces_reader import TracesReader
from idsync.store.sql.watched_places import WatchedPlaces

__all__ = ["SqlReader"]


class SqlReader(PastReader, TracesReader, ConfigurationVersions, HistoryReader, WatchedPlaces):
    """Reads the tables and the journal of every graph; what it shows is durable."""

    @whole
    async def graphs(self) -> list[GraphKey]:
        """List the graphs that have a journal."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(graph.c.scope, graph.c.environment))
            return sorted(GraphKey(scope, Environment(environment)) for scope, environment in rows)

    @whole
    async def graph_of(self, mpids: Collection[Mpid]) -> dict[Mpid, GraphKey]:
        """Say which graph each MPID belongs to."""
        async with self._engine.connect() as connection:
            found = await rows_in(
                connection,
                select(directory.c.mpid, graph.c.scope, graph.c.environment).join_from(
                    directory, graph, directory.c.graph_id == graph.c.graph_id
                ),
                directory.c.mpid,
                mpids,
            )
            return {row.mpid: GraphKey(row.scope, Environment(row.environment)) for row in found}

    @whole
    async def profiles(self, key: GraphKey, mpids: Collection[Mpid]) -> dict[Mpid, Profile]:
        """Show profiles whole."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            found = await rows_in(
                connection, select(profile).where(profile.c.graph_id == graph_id), profile.c.mpid, mpids
            )
            wanted = [row.mpid for row in found]
            links = await rows_in(
                connection,
                select(link)
                .where(link.c.graph_id == graph_id, link.c.until_seq.is_(None))
                .order_by(link.c.since_seq, link.c.position),
                link.c.mpid,
                wanted,
            )
            aliases = {
                row.seq: row
                for column in (alias.c.source, alias.c.destination)
                for row in await rows_in(
                    connection, select(alias).where(alias.c.graph_id == graph_id), column, wanted
                )
            }
            rows = [alias_row(aliases[seq]) for seq in sorted(aliases)]
            ids = {row.identity_id for row in links} | {row.terms.stamp_id for row in rows}
            values = await self._values(connection, graph_id, ids)
            entries = await rows_in(
                connection,
                select(journal.c.seq, journal.c.at_ms, journal.c.rule).where(journal.c.graph_id == graph_id),
                journal.c.seq,
                {row.since_seq for row in links},
            )
            held = {(row.mpid, row.identity_id) for row in links if not row.descriptive}
            moved = await moves(connection, graph_id, [row.mpid for row in found if not row.erased], held)
        said = {row.seq: row for row in entries}
        return {row.mpid: shown_profile(key, row, links, said, rows, values, moved) for row in found}

    @whole
    async def find_profiles(
        self, key: GraphKey, wanted: int | None, limit: int, before: int | None
    ) -> list[Mpid]:
        """List holders of an identity by id, newest first."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            holders = await connection.execute(
                select(link.c.mpid).where(
                    link.c.graph_id == graph_id,
                    link.c.identity_id == wanted,
                    link.c.until_seq.is_(None),
                    link.c.descriptive == 0,
                )
            )
            query = select(profile.c.mpid, profile.c.recency).where(profile.c.graph_id == graph_id)
            rows = await rows_in(connection, query, profile.c.mpid, holders.scalars().all())
        newest_first = sorted(rows, key=lambda row: -row.recency)
        return [row.mpid for row in newest_first if before is None or row.recency < before][:limit]

    @whole
    async def newest_holders(
        self, key: GraphKey, wanted: int | None, limit: int, before: int | None
    ) -> list[Mpid]:
        """List holders of an identity by id, newest first, where links know the recency of their holder."""
        async with self._engine.connect() as connection:
            query = select(link.c.mpid).where(
                link.c.graph_id == await graph_id_of(connection, key),
                link.c.identity_id == wanted,
                link.c.until_seq.is_(None),
                link.c.descriptive == 0,
            )
            if before is not None:
                query = query.where(link.c.recency < before)
            return list(await connection.scalars(query.order_by(link.c.recency.desc()).limit(limit)))

    @whole
    async def flagged(self, key: GraphKey, flags: Collection[Flag], limit: int, after: int) -> list[Flagged]:
        """List values with flags that stand, in the order in which they were raised."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            rows = await connection.execute(
                select(flag.c.seq, flag.c.kind, flag.c.identity_id)
                .where(
                    flag.c.graph_id == graph_id,
                    flag.c.until_seq.is_(None),
                    flag.c.kind.in_([int(each) for each in flags]),
                    flag.c.seq > after,
                )
                .order_by(flag.c.seq)
                .limit(limit)
            )
            found = rows.all()
            values = await self._values(connection, graph_id, {row.identity_id for row in found})
            return [Flagged(row.seq, values[row.identity_id], Flag(row.kind)) for row in found]

    @whole
    async def identity_id(self, key: GraphKey, digest: bytes, wanted: Identity) -> int | None:
        """Find the id of a value; the value itself is compared after the look-up."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(
                select(identity.c.identity_id, identity.c.value).where(
                    identity.c.graph_id == await graph_id_of(connection, key),
                    identity.c.type == int(wanted.type),
                    identity.c.digest == digest,
                )
            )
            return next((i for i, value in rows if value == wanted.value.encode()), None)

    @whole
    async def links_of(self, key: GraphKey, wanted: int | None, limit: int, after: int) -> list[Link]:
        """List the links of an identity by id, past ones too, oldest first."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(
                select(link.c.mpid, link.c.since_seq, link.c.until_seq)
                .where(
                    link.c.graph_id == await graph_id_of(connection, key),
                    link.c.identity_id == wanted,
                    link.c.descriptive == 0,
                    link.c.since_seq > after,
                )
                .order_by(link.c.since_seq)
                .limit(limit)
            )
            return [Link(*row) for row in rows]

    @whole
    async def pending_aliases(self, due_ms: int, limit: int) -> list[tuple[GraphKey, AliasRecord]]:
        """List pending alias requests that are due, in order of arrival."""
        async with self._engine.connect() as connection:
            found = await connection.execute(
                select(alias, graph.c.scope.label("graph_scope"), graph.c.environment)
                .join_from(alias, graph, alias.c.graph_id == graph.c.graph_id)
                .where(alias.c.state == int(AliasState.PENDING), alias.c.apply_at_ms <= due_ms)
                .order_by(alias.c.arrived_ms, alias.c.graph_id, alias.c.seq)
                .limit(limit)
            )
            pending = []
            for row in found.all():
                stored = alias_row(row)
                values = await self._values(connection, row.graph_id, {stored.terms.stamp_id})
                key = GraphKey(row.graph_scope, Environment(row.environment))
                pending.append((key, alias_record(stored, values.__getitem__)))
            return pending

    @whole
    async def inactive_profiles(self, key: GraphKey, before_ms: int, limit: int) -> list[Mpid]:
        """List live profiles without activity since a moment."""
        async with self._engine.connect() as connection:
            rows = await connection.scalars(
                select(profile.c.mpid)
                .where(
                    profile.c.graph_id == await graph_id_of(connection, key),
                    profile.c.erased == 0,
                    profile.c.active_ms < before_ms,
                )
                .limit(limit)
            )
            return list(rows)

    @whole
    async def shared_values(self, key: GraphKey, identity_type: int, limit: int) -> list[list[Mpid]]:
        """List holders of values that are on more than one record."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            of_type = select(identity.c.identity_id).where(
                identity.c.graph_id == graph_id, identity.c.type == identity_type
            )
            current = (link.c.graph_id == graph_id, link.c.until_seq.is_(None), link.c.descriptive == 0)
            shared = await connection.scalars(
                select(link.c.identity_id)
                .where(*current, link.c.identity_id.in_(of_type))
                .group_by(link.c.identity_id)
                .having(func.count() > 1)
                .limit(limit)
            )
            return [
                list(await connection.scalars(select(link.c.mpid).where(*current, link.c.identity_id == i)))
                for i in shared.all()
            ]
