"""A graph on a memory store, calls on it by the resolver, and what they left in the journal."""

from __future__ import annotations

from idsync.model.changes import ChangeSet, Modification, Resolution
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.steps.modifying import ModifyStep
from idsync.resolve.steps.resolving import ResolveStep
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe

C, E, V, R = IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.IOS_IDFV, IdentityType.ROKU_AID

Changed = tuple[Identity | None, Identity | None]


class Desk:
    """Where calls are made; `scribe` has the graph the way it was before."""

    def __init__(self, policy: Policy) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(clock=self.clock)
        self.scribe = Scribe(self.store, login=policy.login_set)
        self._scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
        self._resolver = Resolver(self.store, {GRAPH.scope: self._scope}, self.clock)

    async def call(self, operation: Operation, *identities: Identity, **said: object) -> Resolution:
        """Identify, login, logout or search."""
        return await self._resolver.resolve(_request(operation, identities, said))

    async def planned(self, operation: Operation, *identities: Identity, **said: object) -> ChangeSet:
        """Say what a call would write, and what that rests on."""
        step = ResolveStep(_request(operation, identities, said), self._scope, self.clock)
        return step.decide((await self.store.read_views([step.wanted]))[0])

    async def modify(self, mpid: Mpid, *changes: Changed, **said: object) -> Modification:
        """Modify a record."""
        return await self._resolver.modify(_modification(mpid, changes, said))

    async def planned_modify(self, mpid: Mpid, *changes: Changed) -> ChangeSet:
        """Say what a modify would write, and what that rests on."""
        step = ModifyStep(_modification(mpid, changes, {}), self._scope)
        return step.decide((await self.store.read_views([step.wanted]))[0])

    async def delete(self, mpid: Mpid) -> bool:
        """Delete a profile; say whether there was one."""
        return await self._resolver.delete(GRAPH, mpid)

    async def last(self) -> JournalEntry:
        """Give the newest entry."""
        return (await self.scribe.journal())[-1]

    async def last_kinds(self) -> list[tuple[ChangeKind, Mpid]]:
        """List what the newest entry changed, and on which profiles."""
        return [(change.kind, change.mpid) for change in (await self.last()).changes]

    async def record(self, mpid: Mpid) -> list[Identity]:
        """List the record of a profile, oldest value first."""
        profile = (await self.store.profiles(GRAPH, [mpid]))[mpid]
        return [recorded.identity for recorded in profile.identities]

    async def descriptions(self, mpid: Mpid) -> list[Identity]:
        """List what is kept beside the record (ID-026)."""
        profile = (await self.scribe.look(profiles=[mpid])).profile(mpid)
        assert profile is not None
        return list(profile.descriptions())

    async def version(self, mpid: Mpid) -> int:
        """Give the version of a profile."""
        profile = (await self.scribe.look(profiles=[mpid])).profile(mpid)
        assert profile is not None
        return profile.version


def _request(
    operation: Operation, identities: tuple[Identity, ...], said: dict[str, object]
) -> ResolveRequest:
    return ResolveRequest(operation, GRAPH, {i.type: i for i in identities}, **said)  # type: ignore[arg-type]


def _modification(mpid: Mpid, changes: tuple[Changed, ...], said: dict[str, object]) -> ModifyRequest:
    pairs = []
    for old, new in changes:
        named = old or new
        assert named is not None
        pairs.append(IdentityChange(named.type, old, new))
    return ModifyRequest(GRAPH, mpid, tuple(pairs), **said)  # type: ignore[arg-type]
