"""Stores with one fault each; a checker that finds nothing wrong with them is worth nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from random import Random

from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.identity import GraphKey
from idsync.model.journal import JournalEntry
from tests.histories.recording import RemoteStore

__all__ = ["CursorByPlainSequence", "IgnoresAbsence", "IgnoresVersions"]


class IgnoresVersions(RemoteStore):
    """Commits although what the decision rested on has changed."""

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        careless = [
            replace(
                each,
                identities={i: version for i, version in each.identities.items() if version == 0},
                profiles={},
                overtaken=None,
            )
            for each in changes
        ]
        return await super().apply(careless, in_order=in_order)


class IgnoresAbsence(RemoteStore):
    """Commits although somebody else has brought what was not there."""

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        careless = [
            replace(each, identities={i: v for i, v in each.identities.items() if v}) for each in changes
        ]
        return await super().apply(careless, in_order=in_order)


class CursorByPlainSequence(RemoteStore):
    """Gives positions before the commit: who has seen a later one has passed over those still open."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self._uncommitted: set[int] = set()

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        results = await super(RemoteStore, self).apply(changes, in_order=in_order)
        begun = {result.seq for result in results if isinstance(result, Applied)}
        self._uncommitted |= begun
        await self.pause()
        self._uncommitted -= begun
        return results

    async def changes(self, graph: GraphKey, after: int) -> AsyncIterator[JournalEntry]:
        while True:
            for entry in await self.entries(graph, after, 1_000):
                if entry.seq not in self._uncommitted:
                    after = entry.seq
                    yield entry
            await asyncio.sleep(0)
