"""The newest holder keeps a value that became unique, be he known or anonymous (ID-011, ID-039)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from idsync.model.identity import Identity, IdentityType, Mpid
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
CUSTOMER = Identity(T.CUSTOMERID, "ann")
MAIL = Identity(T.EMAIL, "family@example.com")
PHONE = Identity(T.IOS_IDFV, "the phone of Ann")
TABLET = Identity(T.IOS_IDFV, "everybody's tablet")
SHARED = Policy(
    "profile_conversion",
    (T.CUSTOMERID, T.EMAIL, T.IOS_IDFV),
    login=frozenset({T.CUSTOMERID}),
    unique=frozenset({T.CUSTOMERID}),
)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    clock = ManualClock()
    store: Store = MemoryStore(clock=clock)
    if request.param == "sqlite":
        store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=clock)
    yield store
    await store.close()


class Family:
    """Ann, who signed in on her phone, and somebody with a tablet; both have one email."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scopes = {GRAPH.scope: _scope_of(SHARED)}
        self._resolver = Resolver(store, self._scopes, ManualClock())

    async def ann(self, *more: Identity) -> Mpid:
        """Ann comes."""
        return await self._come(CUSTOMER, PHONE, *more)

    async def tablet(self) -> Mpid:
        """Whoever has the tablet comes, and says no name."""
        return await self._come(MAIL, TABLET)

    async def ann_has_mail_too(self, ann: Mpid) -> None:
        """The order of the two is not touched by that (ID-011)."""
        await self._resolver.modify(ModifyRequest(GRAPH, ann, (IdentityChange(T.EMAIL, None, MAIL),)))

    async def repaired(self) -> list[Mpid]:
        """Make emails unique and repair them; gives who has the mail now."""
        unique = replace(SHARED, unique=SHARED.unique | {T.EMAIL})
        self._scopes[GRAPH.scope] = _scope_of(unique)
        [shared] = await self._store.shared_values(GRAPH, T.EMAIL, 10)
        assert shared.holders == 2
        assert await self._resolver.repair(GRAPH, shared, "Ann")
        return await self._store.find_profiles(GRAPH, MAIL, 10)

    async def _come(self, *identities: Identity) -> Mpid:
        request = ResolveRequest(Operation.IDENTIFY, GRAPH, {i.type: i for i in identities})
        return (await self._resolver.resolve(request)).mpid


def _scope_of(policy: Policy) -> Scope:
    return Scope(policy, load_strategies([policy.strategy])[policy.strategy])


@pytest.fixture
def family(store: Store) -> Family:
    return Family(store)


async def test_an_anonymous_one_created_last_keeps_it(family: Family) -> None:
    await family.ann(MAIL)
    tablet = await family.tablet()

    assert await family.repaired() == [tablet]


async def test_a_known_one_created_last_keeps_it(family: Family) -> None:
    await family.tablet()
    ann = await family.ann()
    await family.ann_has_mail_too(ann)

    assert await family.repaired() == [ann]


async def test_a_known_one_returned_last_keeps_it(family: Family) -> None:
    ann = await family.ann(MAIL)
    tablet = await family.tablet()
    again = await family.ann()

    assert again == ann != tablet
    assert await family.repaired() == [ann]


async def test_an_anonymous_one_returned_last_keeps_it(family: Family) -> None:
    ann = await family.ann(MAIL)
    tablet = await family.tablet()
    await family.ann()
    again = await family.tablet()

    assert again == tablet != ann
    assert await family.repaired() == [tablet]
