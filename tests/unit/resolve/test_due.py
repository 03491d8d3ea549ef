"""What time has made due is carried out, whatever else waits."""

from __future__ import annotations

import pytest

from idsync.model.aliasing import AliasState
from idsync.model.identity import Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import AliasRequest, Operation, ResolveRequest
from idsync.resolve import resolver
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH

_DAY_MS = 86_400_000


async def test_aliases_of_a_scope_no_longer_configured_keep_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ID-187: they stay pending, and those behind them are carried out all the same."""
    monkeypatch.setattr(resolver, "_DUE_AT_ONCE", 2)
    policy = Policy("profile_conversion", (IdentityType.CUSTOMERID, IdentityType.IOS_IDFV))
    scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
    clock = ManualClock()
    store = MemoryStore(clock=clock)
    gone, ours = GRAPH._replace(scope="gone"), GRAPH
    before = Resolver(store, {GRAPH.scope: scope, "gone": scope}, clock)
    for graph in (gone, gone, gone, ours):
        source, destination = [
            (await before.resolve(ResolveRequest(Operation.LOGOUT, graph, {i.type: i}))).mpid
            for i in (Identity(IdentityType.IOS_IDFV, "1"), Identity(IdentityType.IOS_IDFV, "2"))
        ]
        await before.alias(AliasRequest(graph, source, destination))
        clock.advance(1)
    clock.advance(2 * _DAY_MS)

    done = await Resolver(store, {GRAPH.scope: scope}, clock).run_due()

    assert done == 1
    (profile,) = (await store.profiles(ours, [destination])).values()
    assert [alias.state for alias in profile.aliases] == [AliasState.APPLIED]
