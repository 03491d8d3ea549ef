"""Where the identities of a profile went: told from the lifetimes of links alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from idsync.model.identity import Mpid
from idsync.model.moment import Moment
from idsync.store.sql.keyed import rows_in
from idsync.store.sql.tables import journal, link

__all__ = ["moves"]

_DROPPING: Final = ("identify", "login", "logout")
"""Calls that take values off for want of room alone (ID-074): a walk over all who have these is spared."""
_got = link.alias("got")


async def moves(
    connection: AsyncConnection,
    graph_id: int,
    mpids: Collection[Mpid],
    held: Collection[tuple[Mpid, int]],
    moment: Moment | None = None,
) -> dict[Mpid, tuple[Mpid, ...]]:
    """Name the profiles that got what was taken off others in the same entry, and is not back.

    Args:
        connection: Shows one moment.
        graph_id: Their graph.
        mpids: Those that lost it, as far as they are not erased.
        held: What each has on its record then, by identity id.
        moment: Which entries count; `None`: all.
    """
    got = and_(
        _got.c.graph_id == link.c.graph_id,
        _got.c.identity_id == link.c.identity_id,
        _got.c.since_seq == link.c.until_seq,
        _got.c.mpid != link.c.mpid,
        _got.c.descriptive == 0,
    )
    entry = and_(journal.c.graph_id == link.c.graph_id, journal.c.seq == link.c.until_seq)
    query = (
        select(link.c.mpid, link.c.identity_id, _got.c.mpid.label("to"), journal.c.seq, journal.c.at_ms)
        .select_from(link.join(journal, entry).join(_got, got))
        .where(link.c.graph_id == graph_id, link.c.descriptive == 0, journal.c.cause.not_in(_DROPPING))
    )
    found: defaultdict[Mpid, set[Mpid]] = defaultdict(set)
    for row in await rows_in(connection, query, link.c.mpid, mpids):
        if (moment is None or moment.covers(row.seq, row.at_ms)) and (row.mpid, row.identity_id) not in held:
            found[row.mpid].add(row.to)
    return {mpid: tuple(sorted(to)) for mpid, to in found.items()}
