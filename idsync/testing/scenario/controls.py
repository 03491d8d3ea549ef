"""Hands on a service in one's own process: its clock, its store, its resolver."""

from __future__ import annotations

from typing import Final

from idsync.model.identity import GraphKey, Mpid
from idsync.resolve.resolver import Resolver
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scenario.case import Step
from idsync.testing.scenario.requests import environment_of
from idsync.testing.scenario.surface import Answer, Controls, Observed, Refusal

__all__ = ["OwnerControls", "delete_profile"]

_PAGE: Final = 1_000


class OwnerControls:
    """Implements `Controls` for a store and the resolver before it, both on the same clock."""

    def __init__(self, store: Store, resolver: Resolver, clock: ManualClock) -> None:
        self._store = store
        self._resolver = resolver
        self._clock = clock
        self._sizes: dict[GraphKey, int] = {}

    def now_ms(self) -> int:
        """Give the clock's time."""
        return self._clock()

    async def advance(self, by_ms: int) -> None:
        """Move the clock and carry out what is due."""
        self._clock.advance(by_ms)
        while await self._resolver.run_due():
            pass

    async def delete(self, graph: GraphKey, mpid: Mpid) -> bool:
        """Erase a profile."""
        return await self._resolver.delete(graph, mpid)

    async def journal_size(self) -> int:
        """Count the entries of all graphs; only what is new is read."""
        await self._store.settle()
        for graph in await self._store.graphs():
            while entries := await self._store.entries(graph, self._sizes.get(graph, 0), _PAGE):
                self._sizes[graph] = entries[-1].seq
        return sum(self._sizes.values())


async def delete_profile(step: Step, scope: str, controls: Controls) -> Observed:
    """Carry out the call `delete`; the MPID of the step is a number by now."""
    if await controls.delete(GraphKey(scope, environment_of(step)), int(step.request["mpid"])):
        return Answer()
    return Refusal(404, "NOT_FOUND_ERROR", "no profile has this MPID", wrote=False)
