"""Scenarios on the resolver over any store: no network, no credentials, everything can be seen and moved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from idsync.config.scopes import policy_faults
from idsync.model.errors import ConfigurationError, IdsyncError
from idsync.model.identity import Environment, GraphKey, Mpid, TypeSet
from idsync.model.policy import Policy
from idsync.model.profile import Profile
from idsync.model.request import Operation
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.server.admission.caller import Caller
from idsync.server.wire.convert import (
    modification_to_wire,
    modify_from_wire,
    resolution_to_wire,
    resolve_from_wire,
)
from idsync.server.wire.convert_alias import alias_from_wire, check_alias
from idsync.store.memory import MemoryStore
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scenario.case import AnyCase, Call, Capability, Case, Settings, Step
from idsync.testing.scenario.controls import OwnerControls, delete_profile
from idsync.testing.scenario.observing import TypedAnswer, answer_of, refusal_of
from idsync.testing.scenario.requests import TypedRequest, environment_of, typed_request
from idsync.testing.scenario.surface import Observed, OpenSurface, ShownAlias, ShownProfile
from idsync.v1 import identity_service_pb2 as pb

__all__ = [
    "OpenStore",
    "ResolverSurface",
    "over_memory",
    "over_store",
    "refuse_unusable",
    "scope_of",
    "shown_profile",
]

OpenStore = Callable[[ManualClock, Mapping[str, TypeSet]], AbstractAsyncContextManager[Store]]
"""Opens an empty store that takes its time from the clock, for scopes with these login types."""

_EVERYTHING: Final = frozenset(Capability) - {Capability.HTTP}


def over_memory(policy: Policy | None = None) -> OpenSurface:
    """Run each case on a new memory store.

    Args:
        policy: The settings of all scopes; `None`: those of each case.
    """

    @asynccontextmanager
    async def open_store(clock: ManualClock, _logins: Mapping[str, TypeSet]) -> AsyncIterator[Store]:
        store = MemoryStore(clock=clock)
        try:
            yield store
        finally:
            await store.close()

    return over_store(open_store, policy)


def over_store(open_store: OpenStore, policy: Policy | None = None) -> OpenSurface:
    """Run each case on a new store of any kind; see `over_memory`."""

    @asynccontextmanager
    async def open_surface(case: Case) -> AsyncIterator[ResolverSurface]:
        settings = _settings(case, policy)
        scope = scope_of(settings.policy, case)
        clock = ManualClock()
        logins = dict.fromkeys(settings.scopes.values(), settings.policy.login_set)
        async with open_store(clock, logins) as store:
            yield ResolverSurface(store, scope, settings.scopes, clock)

    return open_surface


def refuse_unusable(cases: Iterable[AnyCase]) -> None:
    """Make sure that every case brings a configuration that a service would start with.

    Raises:
        ConfigurationError: Some do not; `faults` names all of them.
    """
    faults: list[str] = []
    for case in cases:
        if isinstance(case, Case):
            try:
                scope_of(_settings(case, None).policy, case)
            except ConfigurationError as error:
                faults.extend(f"{error.message}: {fault}" for fault in error.faults or ("",))
    if faults:
        raise ConfigurationError("the scenario files cannot be used", [f.removesuffix(": ") for f in faults])


def _settings(case: Case, policy: Policy | None) -> Settings:
    if policy is not None:
        return Settings(policy, {"w1": "s1"} if case.settings is None else case.settings.scopes)
    if case.settings is None:
        raise ConfigurationError(
            f"{case.file}: {case.id}: has no strategy and config; give the configuration to run it on"
        )
    return case.settings


def scope_of(policy: Policy, case: Case) -> Scope:
    """Find the strategy of a policy and hold the policy against ID-036.

    Raises:
        ConfigurationError: The strategy is unknown, or the policy is refused; names file and case.
    """
    origin = f"{case.file}: {case.id}"
    try:
        strategy = load_strategies([policy.strategy])[policy.strategy]
    except ConfigurationError as error:
        raise ConfigurationError(f"{origin}: {error.message}", error.faults) from error
    faults = [f"config.{setting}: {text}" for setting, text in policy_faults(policy, strategy)]
    if faults:
        raise ConfigurationError(f"{origin}: the configuration is refused", faults)
    return Scope(policy, strategy)


class ResolverSurface:
    """One empty store behind a resolver; requests go through the conversions of the typed interface.

    Args:
        store: An empty store.
        scope: Settings and strategy of every scope.
        scopes: The scope of each workspace.
        clock: The clock that the store was opened with.
    """

    def __init__(self, store: Store, scope: Scope, scopes: Mapping[str, str], clock: ManualClock) -> None:
        self._store = store
        self._scope = scope
        self._resolver = Resolver(store, dict.fromkeys(scopes.values(), scope), clock)
        self._controls = OwnerControls(store, self._resolver, clock)
        self._callers = {
            workspace: Caller(key=f"{workspace}-key", workspace=workspace, scope=name, aliasing=True)
            for workspace, name in scopes.items()
        }

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Everything but HTTP."""
        return _EVERYTHING

    def check(self, step: Step) -> None:
        """Try to build the typed request."""
        if step.call is Call.DELETE:
            environment_of(step)
        else:
            typed_request(step, "", self.now_ms())

    async def call(self, step: Step, request_id: str) -> Observed:
        """Convert, resolve, convert."""
        caller = self._callers[step.workspace]
        if step.call is Call.DELETE:
            return await delete_profile(step, caller.scope, self._controls)
        request = typed_request(step, request_id, self.now_ms())
        size = await self._controls.journal_size()
        try:
            return answer_of(await self._answer(step, request, caller))
        except IdsyncError as error:
            return refusal_of(error, wrote=await self._controls.journal_size() != size)

    async def _answer(self, step: Step, request: TypedRequest, caller: Caller) -> TypedAnswer:
        if isinstance(request, pb.AliasRequest):
            return pb.AliasResponse(journal_seq=await self._alias(request, caller))
        if isinstance(request, pb.ModifyRequest):
            return modification_to_wire(await self._resolver.modify(modify_from_wire(request, caller)))
        operation = Operation(step.call.value)
        resolution = await self._resolver.resolve(resolve_from_wire(operation, request, caller))
        # The answers of the four calls are alike in everything but their names.
        return resolution_to_wire(pb.IdentifyResponse(), resolution, request.known_identities)

    async def _alias(self, request: pb.AliasRequest, caller: Caller) -> int:
        if self._scope.strategy.aliasing:
            # Without aliasing nothing is said of what was asked (ID-195): the resolver refuses.
            check_alias(request)
        known = request.environment < len(caller.graphs)
        graph = caller.graphs[request.environment] if known else None
        if graph is None:
            graphs = await self._store.graph_of([request.source_mpid])
            graph = graphs.get(request.source_mpid, GraphKey(caller.scope, Environment.PRODUCTION))
        return await self._resolver.alias(alias_from_wire(request, graph, caller))

    async def inspect(self, mpid: Mpid) -> ShownProfile | None:
        """Read the profile from the store."""
        graph = (await self._store.graph_of([mpid])).get(mpid)
        if graph is None:
            return None
        return shown_profile((await self._store.profiles(graph, [mpid]))[mpid])

    async def why(self, request_id: str) -> str:
        """Look for the entry that the call left."""
        for graph in await self._store.graphs():
            for entry in await self._store.entries_of_request(graph, request_id, 1):
                return entry.rule
        return ""

    def now_ms(self) -> int:
        """Give the clock's time."""
        return self._controls.now_ms()

    async def advance(self, by_ms: int) -> None:
        """Move the clock and carry out what is due."""
        await self._controls.advance(by_ms)


def shown_profile(profile: Profile) -> ShownProfile:
    """Show a profile of a store the way scenarios compare it."""
    record: dict[str, tuple[str, ...]] = {}
    for recorded in profile.identities:
        name = recorded.identity.type.wire_name
        record[name] = (*record.get(name, ()), recorded.identity.value)
    aliases = (
        ShownAlias(a.seq, a.terms.source, a.terms.destination, a.state, a.terms.apply_at_ms)
        for a in profile.aliases
    )
    return ShownProfile(record, profile.source, tuple(aliases))
