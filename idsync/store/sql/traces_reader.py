"""All that the tables keep of some profiles, and the chain over their journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from idsync.model.erasure import HeldValue, PastLink, Traces
from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid
from idsync.store.codec import alias_record
from idsync.store.sql.journal_reader import JournalReader, concerning
from idsync.store.sql.keyed import graph_id_of, rows_in
from idsync.store.sql.looks import whole
from idsync.store.sql.profile_rows import alias_row
from idsync.store.sql.tables import alias, identity, journal, link, profile, seal

__all__ = ["TracesReader"]

_PAGE: Final = 4_096


class TracesReader(JournalReader):
    """Reads what an erasure and an export need; part of `SqlReader`."""

    @whole
    async def traces(self, key: GraphKey, mpids: Collection[Mpid]) -> Traces:
        """Collect links, values, alias requests and entries of profiles."""
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            profiles = await rows_in(
                connection,
                select(profile.c.mpid, profile.c.version, profile.c.erased).where(
                    profile.c.graph_id == graph_id
                ),
                profile.c.mpid,
                set(mpids),
            )
            chosen = {row.mpid for row in profiles}
            links = await rows_in(
                connection, select(link).where(link.c.graph_id == graph_id), link.c.mpid, chosen
            )
            links.sort(key=lambda row: (row.since_seq, row.position, row.mpid))
            requests = {
                row.seq: row
                for column in (alias.c.source, alias.c.destination)
                for row in await rows_in(
                    connection, select(alias).where(alias.c.graph_id == graph_id), column, chosen
                )
            }
            aliases = [requests[seq] for seq in sorted(requests)]
            ids = {row.identity_id for row in links} | {row.stamp_id for row in aliases}
            shown = await self._values(connection, graph_id, ids)
            times = {
                row.seq: row.at_ms
                for row in await rows_in(
                    connection,
                    select(journal.c.seq, journal.c.at_ms).where(journal.c.graph_id == graph_id),
                    journal.c.seq,
                    {row.since_seq for row in links} | {row.until_seq for row in links} - {None},
                )
            }
            values = await _values(connection, graph_id, chosen, links, aliases)
            entries, texts = await _entries(connection, graph_id, chosen)
        return Traces(
            {row.mpid: row.version for row in profiles if not row.erased},
            tuple(
                PastLink(
                    row.mpid,
                    shown[row.identity_id],
                    bool(row.descriptive),
                    row.since_seq,
                    times[row.since_seq],
                    row.until_seq,
                    times.get(row.until_seq),
                )
                for row in links
            ),
            tuple(
                HeldValue(shown[i], owner, version, others, is_needed)
                for i, owner, version, others, is_needed in values
            ),
            tuple(alias_record(alias_row(row), shown.__getitem__) for row in aliases),
            entries,
            texts,
        )

    @whole
    async def link_at(self, key: GraphKey, seq: int) -> bytes | None:
        """Give a link of the chain; `None`: the entry is not sealed yet."""
        async with self._engine.connect() as connection:
            found: bytes | None = await connection.scalar(
                select(seal.c.link).where(
                    seal.c.graph_id == await graph_id_of(connection, key), seal.c.seq == seq
                )
            )
            return found

    async def values_up_to(self, key: GraphKey, seq: int) -> AsyncIterator[Identity]:
        """Go through the values that somebody had by then, or that changed hands last by then."""
        after = 0
        while page := await self._page_up_to(key, seq, after):
            for row in page:
                yield Identity(IdentityType(row.type), row.value.decode())
            after = page[-1].identity_id

    @whole
    async def _page_up_to(self, key: GraphKey, seq: int, after: int) -> Any:
        async with self._engine.connect() as connection:
            graph_id = await graph_id_of(connection, key)
            had = (
                select(link.c.mpid)
                .where(
                    link.c.graph_id == graph_id,
                    link.c.identity_id == identity.c.identity_id,
                    link.c.since_seq <= seq,
                )
                .exists()
            )
            rows = await connection.execute(
                select(identity.c.identity_id, identity.c.type, identity.c.value)
                .where(
                    identity.c.graph_id == graph_id,
                    identity.c.identity_id > after,
                    identity.c.value.is_not(None),
                    or_(identity.c.version <= seq, had),
                )
                .order_by(identity.c.identity_id)
                .limit(_PAGE)
            )
            return rows.all()


async def _values(
    connection: AsyncConnection,
    graph_id: int,
    chosen: Collection[Mpid],
    links: Sequence[Row[Any]],
    aliases: Sequence[Row[Any]],
) -> list[tuple[int, Mpid, int, int, bool]]:
    """Give the values that are not erased: id, whose, version, other holders, and whether they are needed."""
    owners: dict[int, Mpid] = {}
    for row in links:
        owners.setdefault(row.identity_id, row.mpid)
    for row in aliases:
        if row.stamp_id is not None:
            owners.setdefault(row.stamp_id, row.source if row.source in chosen else row.destination)
    living = await rows_in(
        connection,
        select(identity.c.identity_id, identity.c.version).where(
            identity.c.graph_id == graph_id, identity.c.value.is_not(None)
        ),
        identity.c.identity_id,
        owners.keys(),
    )
    open_links = select(link.c.identity_id, func.count().label("holders")).where(
        link.c.graph_id == graph_id, link.c.until_seq.is_(None)
    )
    ids = [row.identity_id for row in living]
    held = await rows_in(connection, open_links.group_by(link.c.identity_id), link.c.identity_id, ids)
    own: dict[int, int] = {}
    for row in links:
        if row.until_seq is None:
            own[row.identity_id] = own.get(row.identity_id, 0) + 1
    counts: dict[int, int] = {row.identity_id: row.holders for row in held}
    needed = await _needed(connection, graph_id, chosen, {row.stamp_id for row in aliases} - {None})
    return [
        (i, owners[i], row.version, counts.get(i, 0) - own.get(i, 0), i in needed)
        for row in living
        for i in [row.identity_id]
    ]


async def _needed(
    connection: AsyncConnection, graph_id: int, chosen: Collection[Mpid], stamps: Collection[int]
) -> set[int]:
    """Give those stamps that an alias request between other living profiles names."""
    if not stamps:
        return set()
    rows = await rows_in(
        connection,
        select(alias.c.stamp_id, alias.c.source, alias.c.destination).where(alias.c.graph_id == graph_id),
        alias.c.stamp_id,
        stamps,
    )
    sides = {mpid for row in rows for mpid in (row.source, row.destination)}
    dead = await rows_in(
        connection,
        select(profile.c.mpid).where(profile.c.graph_id == graph_id, profile.c.erased != 0),
        profile.c.mpid,
        sides,
    )
    gone = {row.mpid for row in dead} | set(chosen)
    return {row.stamp_id for row in rows if row.source not in gone and row.destination not in gone}


async def _entries(connection: AsyncConnection, graph_id: int, mpids: Collection[Mpid]) -> tuple[int, int]:
    """Count the entries about profiles, and those of them with a text that a caller chose."""
    seqs: set[int] = set()
    for mpid in mpids:
        seqs |= set(await connection.scalars(concerning(graph_id, mpid)))
    with_text = await rows_in(
        connection,
        select(journal.c.seq).where(
            journal.c.graph_id == graph_id,
            or_(journal.c.request_id != "", journal.c.idempotency_key.is_not(None)),
        ),
        journal.c.seq,
        seqs,
    )
    return len(seqs), len(with_text)
