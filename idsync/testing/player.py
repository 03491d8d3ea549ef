"""Plays generated traffic to resolvers, and gives answers and graphs in a form that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Final, NamedTuple, TypeAlias

from idsync.model.changes import Modification, Resolution
from idsync.model.errors import IdsyncError
from idsync.model.identity import Mpid
from idsync.model.request import AliasRequest, ModifyRequest, ResolveRequest
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.graph_image import GraphImage, graph_image, renamed
from idsync.testing.traffic import GRAPHS, Aliasing, Call, Delay, Deletion, Modifying, Ordinal, Resolving

__all__ = ["Answer", "Outcome", "Player", "Refusal"]

NOBODY: Final[Mpid] = 12_345
"""An MPID that no profile has."""

_RESOLVERS: Final = 3
"""They take turns, so that none may keep anything for itself."""


class Refusal(NamedTuple):
    """An error, as far as callers may rely on it."""

    kind: str
    reason: str


Answer: TypeAlias = Resolution | Modification | Refusal | int


class Outcome(NamedTuple):
    """What was answered, and what the graphs are like then; comparable between stores."""

    answers: list[Answer]
    images: list[GraphImage]


class Player:
    """Plays calls one after another.

    Args:
        store: Where the graphs live.
        scope: The settings and strategy of every graph.
        clock: The clock of the store and of the resolver.
    """

    def __init__(self, store: Store, scope: Scope, clock: ManualClock) -> None:
        self._scope = scope
        self._clock = clock
        self.go_on_with(store)
        self._mpids: list[Mpid] = []
        self._calls = 0

    def go_on_with(self, store: Store) -> None:
        """Play to another store from now on: the same one, opened again."""
        self.store = store
        scopes = {graph.scope: self._scope for graph in GRAPHS}
        self._resolvers = cycle([Resolver(store, scopes, self._clock) for _ in range(_RESOLVERS)])

    async def play(self, call: Call) -> Answer:
        """Make one call; a refusal is an answer too."""
        if isinstance(call, Resolving | Modifying):
            return await self.send(self.request(call))
        try:
            return await self._made(call)
        except IdsyncError as error:
            return _refusal(error)

    async def play_all(self, calls: Sequence[Call]) -> list[Answer]:
        """Make calls one after another."""
        return [await self.play(call) for call in calls]

    async def send(self, request: ResolveRequest | ModifyRequest) -> Answer:
        """Send one request; a refusal is an answer too."""
        resolver = self._resolver
        try:
            if isinstance(request, ModifyRequest):
                return await resolver.modify(request)
            return self._noted(await resolver.resolve(request))
        except IdsyncError as error:
            return _refusal(error)

    async def send_batch(self, requests: Sequence[ResolveRequest | ModifyRequest]) -> list[Answer]:
        """Send requests as one batch."""
        answers = await self._resolver.resolve_all(requests)
        for answer in answers:
            if type(answer) is IdsyncError:
                # Nobody planned it: no refusal, but what `send` would have raised.
                raise answer
        return [_refusal(a) if isinstance(a, IdsyncError) else self._noted(a) for a in answers]

    async def outcome(self, answers: Sequence[Answer]) -> Outcome:
        """Read every graph, and put numbers for MPIDs, there and in the answers."""
        images = [await graph_image(self.store, graph) for graph in GRAPHS]
        names: dict[Mpid, Mpid] = {}
        for image in images:
            names |= {mpid: len(names) + i for i, mpid in enumerate(image.created(), start=1)}
        outcome: Outcome = renamed(Outcome(list(answers), images), names)
        return outcome

    def request(self, call: Resolving | Modifying) -> ResolveRequest | ModifyRequest:
        """Turn a call into the request that it means now."""
        self._calls += 1
        request_id, input_id = f"r-{self._calls}", "suite/traffic"
        if isinstance(call, Modifying):
            target = self.mpid(call.target)
            return ModifyRequest(call.graph, target, call.changes, request_id, input_id, call.idempotency_key)
        return ResolveRequest(
            call.operation,
            call.graph,
            call.identities,
            None if call.previous is None else self.mpid(call.previous),
            request_id,
            input_id,
            call.read_only,
            call.idempotency_key,
        )

    def mpid(self, ordinal: Ordinal) -> Mpid:
        """Say which profile is meant."""
        return self._mpids[ordinal % len(self._mpids)] if self._mpids else NOBODY

    def ordinal(self, ordinal: Ordinal) -> Ordinal:
        """Give an ordinal that goes on meaning the same profile when others have come."""
        return ordinal % len(self._mpids) if self._mpids else ordinal

    @property
    def _resolver(self) -> Resolver:
        return next(self._resolvers)

    def _noted(self, answer: Resolution | Modification) -> Answer:
        if isinstance(answer, Resolution) and answer.mpid not in self._mpids:
            self._mpids.append(answer.mpid)
        return answer

    async def _made(self, call: Aliasing | Deletion | Delay) -> int:
        if isinstance(call, Delay):
            self._clock.advance(call.by_ms)
            return await self._resolver.run_due()
        if isinstance(call, Deletion):
            return await self._resolver.delete(call.graph, self.mpid(call.target))
        return await self._resolver.alias(self._aliased(call))

    def _aliased(self, call: Aliasing) -> AliasRequest:
        return AliasRequest(
            call.graph,
            self.mpid(call.source),
            self.mpid(call.destination),
            None if call.start_ago_ms is None else self._clock.now_ms - call.start_ago_ms,
            None if call.end_ago_ms is None else self._clock.now_ms - call.end_ago_ms,
            stamp=call.stamp,
        )


def _refusal(error: IdsyncError) -> Refusal:
    return Refusal(type(error).__name__, error.reason)
