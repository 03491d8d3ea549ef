"""Profiles put together from the rows of their tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from idsync.model.aliasing import AliasState
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.profile import Profile, RecordedIdentity
from idsync.store.codec import alias_record
from idsync.store.rows import AliasRow, StoredTerms

__all__ = ["alias_row", "shown_profile"]


def alias_row(row: Row[Any]) -> AliasRow:
    """Give an alias request as the fold knows it."""
    terms = StoredTerms(
        row.source, row.destination, row.start_ms, row.end_ms, row.scope, row.stamp_id, row.apply_at_ms
    )
    state = AliasState(row.state)
    return AliasRow(
        row.seq, terms, state, row.arrived_ms, row.ignored_reason, row.applied_ms, row.settled_seq
    )


def shown_profile(
    key: GraphKey,
    row: Row[Any],
    links: Sequence[Row[Any]],
    said: dict[int, Row[Any]],
    aliases: list[AliasRow],
    values: dict[int, Identity],
    moved: dict[Mpid, tuple[Mpid, ...]],
) -> Profile:
    """Put a profile together.

    Args:
        key: Its graph.
        row: Its own row.
        links: Links of this and other profiles, oldest first.
        said: At least time and rule of the entries that made them, by position.
        aliases: Alias requests that name this and other profiles, in order of arrival.
        values: The identities of all of these.
        moved: Where what was taken off this and other profiles went.
    """

    def recorded(*, descriptive: bool) -> tuple[RecordedIdentity, ...]:
        return tuple(
            RecordedIdentity(
                values[each.identity_id],
                each.since_seq,
                said[each.since_seq].at_ms,
                said[each.since_seq].rule,
            )
            for each in links
            if each.mpid == row.mpid and bool(each.descriptive) is descriptive
        )

    return Profile(
        row.mpid,
        key,
        bool(row.erased),
        recorded(descriptive=False),
        recorded(descriptive=True),
        row.source,
        row.created_seq,
        row.created_ms,
        row.returned_ms,
        row.recency,
        tuple(
            alias_record(each, values.__getitem__)
            for each in aliases
            if row.mpid in {each.terms.source, each.terms.destination}
        ),
        moved.get(row.mpid, ()),
    )
