"""The order in which a modify leaves the values of a type: the maximum drops the first one (ID-074)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.model.identity import Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.embedded.opening import open_store
from idsync.store.memory import MemoryStore
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH

T = IdentityType
DEVICE = Identity(T.IOS_IDFV, "device")
POLICY = Policy("profile_conversion", (T.CUSTOMERID, T.EMAIL, T.IOS_IDFV), max_per_type={T.EMAIL: 2})


@pytest.fixture(params=["memory", "embedded"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    clock = ManualClock()
    store: Store
    if request.param == "memory":
        store = MemoryStore(clock=clock)
    else:
        store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=clock)
    yield store
    await store.close()


def _email(value: str) -> Identity:
    return Identity(T.EMAIL, value)


def _change(old: str | None, new: str | None) -> IdentityChange:
    return IdentityChange(T.EMAIL, None if old is None else _email(old), None if new is None else _email(new))


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        pytest.param([("a", None), (None, "a")], ["a", "c"], id="gone and back: now b is the oldest"),
        pytest.param([("b", None), (None, "b")], ["b", "c"], id="the last one again: a stays the oldest"),
        pytest.param(
            [("b", None), ("a", "x"), (None, "a")], ["a", "c"], id="back behind a new value: x is the oldest"
        ),
        pytest.param([("a", "z"), ("b", "y")], ["y", "c"], id="new values in the order of the request"),
    ],
)
async def test_a_value_that_comes_again_was_added_last(
    store: Store, changes: list[tuple[str | None, str | None]], left: list[str]
) -> None:
    """ID-158 has the changes applied in order; the third email then drops the first of the two."""
    scope = Scope(POLICY, load_strategies([POLICY.strategy])[POLICY.strategy])
    resolver = Resolver(store, {GRAPH.scope: scope}, ManualClock())

    async def identify(email: str) -> int:
        identities = {T.IOS_IDFV: DEVICE, T.EMAIL: _email(email)}
        return (await resolver.resolve(ResolveRequest(Operation.IDENTIFY, GRAPH, identities))).mpid

    mpid = await identify("a")
    await identify("b")

    await resolver.modify(ModifyRequest(GRAPH, mpid, tuple(_change(old, new) for old, new in changes)))
    assert await identify("c") == mpid

    profile = (await store.profiles(GRAPH, [mpid]))[mpid]
    emails = [i.identity.value for i in profile.identities if i.identity.type is T.EMAIL]
    assert emails == left
