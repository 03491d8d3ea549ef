"""Whoever gives up waiting for the disk takes nobody else with him."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.model.changes import Resolution
from idsync.model.identity import Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.embedded.opening import open_store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH

ONE = Identity(IdentityType.IOS_IDFV, "one")
OTHER = Identity(IdentityType.IOS_IDFV, "other")


@pytest.fixture
async def resolver(tmp_path: Path) -> AsyncIterator[Resolver]:
    policy = Policy("profile_conversion", (IdentityType.CUSTOMERID, IdentityType.IOS_IDFV))
    scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
    clock = ManualClock()
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=clock)
    yield Resolver(store, {GRAPH.scope: scope}, clock)
    await store.close()


def _identify(identity: Identity) -> ResolveRequest:
    return ResolveRequest(Operation.IDENTIFY, GRAPH, {identity.type: identity})


@pytest.mark.parametrize("gives_up", ["call", "batch"])
async def test_a_call_that_is_given_up_leaves_its_group_to_the_others(
    resolver: Resolver, gives_up: str
) -> None:
    """Both calls are in one group, which goes to disk and is answered whoever still waits for it."""
    one = resolver.resolve_all([_identify(ONE)]) if gives_up == "batch" else resolver.resolve(_identify(ONE))
    leaving = asyncio.ensure_future(one)
    staying = asyncio.create_task(resolver.resolve(_identify(OTHER)))
    await asyncio.sleep(0)

    leaving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await leaving
    answer = await staying
    assert answer.journal_seq == 2
    again = await resolver.resolve(_identify(ONE))
    assert isinstance(again, Resolution)
    assert again.journal_seq == 0, "what was staged was written, although nobody waited for it"
