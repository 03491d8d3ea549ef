"""A graph of one scope on a memory store, and calls on it."""

from __future__ import annotations

from collections.abc import Sequence

from idsync.model.changes import Resolution
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType, Mpid
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock

C, E, V, R = IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.IOS_IDFV, IdentityType.ROKU_AID

IDENTIFY, LOGIN, LOGOUT, SEARCH = Operation.IDENTIFY, Operation.LOGIN, Operation.LOGOUT, Operation.SEARCH
EITHER = (IDENTIFY, LOGIN)
"""Two calls that do the same (ID-080, ID-081)."""

Values = dict[IdentityType, str]


class Graph:
    """Priority C, E, V, R; what the strategy makes of calls, and what profiles look like afterwards."""

    def __init__(
        self, strategy: str, login: Sequence[IdentityType] = (), immutable: Sequence[IdentityType] = ()
    ) -> None:
        policy = Policy(strategy, (C, E, V, R), frozenset(login), frozenset(login), frozenset(immutable))
        clock = ManualClock()
        self._store = MemoryStore(clock=clock)
        self._key = GraphKey("s", Environment.PRODUCTION)
        scope = Scope(policy, load_strategies([strategy])[strategy])
        self._resolver = Resolver(self._store, {"s": scope}, clock)

    async def call(self, operation: Operation, values: Values, previous: Mpid | None = None) -> Resolution:
        """Make a call."""
        identities = {t: Identity(t, value) for t, value in values.items()}
        return await self._resolver.resolve(ResolveRequest(operation, self._key, identities, previous))

    async def given(self, values: Values) -> Mpid:
        """Have a profile: what an identify of these values gives."""
        return (await self.call(IDENTIFY, values)).mpid

    async def record(self, mpid: Mpid) -> Values:
        """Show a record; no test here puts two values of a type on one."""
        [profile] = (await self._store.profiles(self._key, [mpid])).values()
        return {recorded.identity.type: recorded.identity.value for recorded in profile.identities}

    async def source(self, mpid: Mpid) -> Mpid | None:
        """Show the source of a profile."""
        [profile] = (await self._store.profiles(self._key, [mpid])).values()
        return profile.source

    async def size(self) -> int:
        """Count what was journaled."""
        return len(await self._store.entries(self._key, 0, 1_000))
