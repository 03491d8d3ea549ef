"""Values with a flag, as operators are shown them: who has them, and what the journal says of the flag."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from idsync.model.flag import Flag, Flagged
from idsync.model.identity import GraphKey, TypeSet
from idsync.model.journal import JournalEntry
from idsync.model.view import ViewRequest
from idsync.store.protocol import Store

__all__ = ["FlaggedValue", "Flags"]


@dataclass(frozen=True, slots=True)
class FlaggedValue:
    """A value with a flag.

    Attributes:
        entry: The entry that raised it.
        reason: What that says of it.
        known: Known profiles that have the value on their record.
        anonymous: Anonymous ones.
        quarantined: The entry that quarantined it; 0: it is not.
    """

    flagged: Flagged
    entry: JournalEntry
    reason: str
    known: int
    anonymous: int
    quarantined: int


class Flags:
    """Lists values of the graphs of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def standing(
        self, graph: GraphKey, flags: Collection[Flag], login: TypeSet, limit: int, after: int
    ) -> list[FlaggedValue]:
        """List values that have one of these flags, in the order in which they were raised.

        Args:
            graph: Which graph.
            flags: What is looked for.
            login: The types that make a profile known.
            limit: How many at most.
            after: Only flags raised at a greater position.
        """
        found = await self._store.flagged(graph, flags, limit, after)
        if not found:
            return []
        entries = await self._store.entries_at(graph, {each.seq for each in found})
        named = list(dict.fromkeys(each.identity for each in found))
        [view] = await self._store.read_views([ViewRequest(graph, login, named)])
        values = []
        for each in found:
            entry, holders = entries[each.seq], view.holders(each.identity)
            reasons = [c.reason for c in entry.changes if c.identity == each.identity and c.reason]
            values.append(
                FlaggedValue(
                    each,
                    entry,
                    reasons[0] if reasons else "",
                    0 if holders is None else len(holders.known),
                    0 if holders is None else len(holders.anonymous),
                    view.flags(each.identity).get(Flag.QUARANTINE, 0),
                )
            )
        return values
