"""Plays one history: clients on two nodes over one store, every pause of it drawn from a seed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from idsync.model.changes import Applied, ChangeSet, Modification, Resolution, Stale
from idsync.model.errors import IdsyncError
from idsync.model.identity import GraphKey, Mpid
from idsync.model.request import ModifyRequest
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve.resolver import Resolver
from idsync.resolve.scope import Scope
from idsync.store.memory import MemoryStore
from idsync.store.memory_view import MemoryView
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH
from tests.histories.calls import Deletion, Request, any_request, any_scope, identities_of
from tests.histories.model import snapshot

__all__ = ["CALLS", "CLIENTS", "History", "Operation", "RemoteStore", "record"]

CLIENTS: Final = 4
CALLS: Final = 6
_NODES: Final = 2
_MOST_PAUSES: Final = 4
_GIVEN_UP: Final = 0.05


@dataclass(eq=False)
class Operation:
    """One call: when it was made and answered, in counted events, and how.

    Attributes:
        ended: `None`: nobody heard of it again; it may have happened or not, at any time.
    """

    request: Request
    begun: int
    ended: int | None = None
    outcome: Any = None


@dataclass
class History:
    """What the clients saw."""

    seed: int
    scope: Scope
    operations: list[Operation] = field(default_factory=list)

    def share_in_conflict(self) -> float:
        """Say how many of the calls met another one about the same identity."""
        met = [
            any(
                other is not each
                and other.begun < (each.ended or 1 << 60)
                and each.begun < (other.ended or 1 << 60)
                and identities_of(other.request) & identities_of(each.request)
                for other in self.operations
            )
            for each in self.operations
        ]
        return sum(met) / len(met)


class RemoteStore(MemoryStore):
    """A store far away: others go on while one waits for it, so a look is old when it arrives."""

    def __init__(self, random: Random) -> None:
        super().__init__(clock=ManualClock())
        self._random_pauses = random
        self.stale = 0

    async def pause(self) -> None:
        """Let others go on, for as long as the seed says."""
        for _ in range(self._random_pauses.randrange(_MOST_PAUSES)):
            await asyncio.sleep(0)

    async def read_views(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        """Take a picture of the graph, and bring it home."""
        await self.pause()
        pictures: dict[GraphKey, Any] = {r.graph: snapshot(self._graphs[r.graph]) for r in wanted}
        views: list[GraphView] = [MemoryView(pictures[request.graph], request) for request in wanted]
        await self.pause()
        return views

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        """Commit, and let the answer take its time."""
        await self.pause()
        results = await super().apply(changes, in_order=in_order)
        self.stale += sum(isinstance(result, Stale) for result in results)
        await self.pause()
        return results


def record(seed: int, store_type: type[RemoteStore] = RemoteStore) -> History:
    """Play the history of a seed; the same seed gives the same history."""
    return asyncio.run(_record(seed, store_type))


async def _record(seed: int, store_type: type[RemoteStore]) -> History:
    random = Random(seed)
    history = History(seed, any_scope(random))
    store = store_type(Random(seed + 1))
    scopes = {GRAPH.scope: history.scope}
    nodes = [Resolver(store, scopes, ManualClock()) for _ in range(_NODES)]
    events = iter(range(1 << 30))

    async def client(number: int) -> None:
        mine: Mpid | None = None
        draw = Random(seed * CLIENTS + number)
        for _ in range(CALLS):
            await store.pause()
            operation = Operation(any_request(draw, mine), next(events))
            history.operations.append(operation)
            call = asyncio.create_task(_call(draw.choice(nodes), operation.request))
            if draw.random() < _GIVEN_UP:
                await store.pause()
                call.cancel()
            try:
                operation.outcome = await call
            except asyncio.CancelledError:
                continue
            operation.ended = next(events)
            if isinstance(operation.outcome, Resolution):
                mine = operation.outcome.mpid

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    await store.close()
    return history


async def _call(node: Resolver, request: Request) -> Resolution | Modification | bool | IdsyncError:
    try:
        if isinstance(request, Deletion):
            return await node.delete(GRAPH, request.mpid)
        if isinstance(request, ModifyRequest):
            return await node.modify(request)
        return await node.resolve(request)
    except IdsyncError as error:
        return error
