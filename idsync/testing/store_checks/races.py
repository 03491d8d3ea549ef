"""Many callers at once, through resolvers over one store: nobody is split, nobody is refused (ID-041)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL, numbered

__all__ = ["RaceChecks"]

_LOGIN_IDS = frozenset({IdentityType.CUSTOMERID, IdentityType.EMAIL})
_PRIORITY = (IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.IOS_IDFV)
_PEOPLE = 100
_LOGINS_EACH = 8


class RaceChecks:
    """Simultaneous calls."""

    @pytest.fixture
    def resolvers(self, store: Store, clock: ManualClock) -> list[Resolver]:
        """Put several resolvers over the store, as several servers of one process would be."""
        policy = Policy("profile_conversion", _PRIORITY, _LOGIN_IDS, _LOGIN_IDS)
        scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
        return [Resolver(store, {GRAPH.scope: scope}, clock) for _ in range(4)]

    async def test_simultaneous_first_logins_make_one_profile_each(
        self, resolvers: list[Resolver], scribe: Scribe
    ) -> None:
        """A hundred people, eight logins each at the same moment: a hundred MPIDs and no error."""
        logins = [
            _login(numbered(IdentityType.CUSTOMERID, person), numbered(IdentityType.IOS_IDFV, person))
            for _ in range(_LOGINS_EACH)
            for person in range(_PEOPLE)
        ]

        mpids = await _all(resolvers, logins)

        answered = {person: set(mpids[person::_PEOPLE]) for person in range(_PEOPLE)}
        assert all(len(of_person) == 1 for of_person in answered.values())
        assert len(set(mpids)) == _PEOPLE
        for person in range(_PEOPLE):
            identity = numbered(IdentityType.CUSTOMERID, person)
            assert await scribe.store.find_profiles(GRAPH, identity, 10) == list(answered[person])

    async def test_people_who_share_a_device_do_not_split_each_other(
        self, resolvers: list[Resolver], scribe: Scribe
    ) -> None:
        """A kiosk: everybody's first login collides with everybody's, and with his own second one besides."""
        logins = [
            _login(numbered(IdentityType.CUSTOMERID, person), DEVICE)
            for _ in range(2)
            for person in range(_PEOPLE)
        ]

        mpids = await _all(resolvers, logins)

        assert all(len(set(mpids[person::_PEOPLE])) == 1 for person in range(_PEOPLE))
        assert len(set(mpids)) == _PEOPLE
        assert set(await scribe.store.find_profiles(GRAPH, DEVICE, 2 * _PEOPLE)) == set(mpids)

    async def test_a_unique_value_moved_by_many_ends_on_one_record(
        self, resolvers: list[Resolver], scribe: Scribe
    ) -> None:
        """Modify moves unique values (ID-156); who comes last has it."""
        mpids = [await scribe.create(numbered(IdentityType.IOS_IDFV, i)) for i in range(6)]
        changes = (IdentityChange(IdentityType.EMAIL, None, MAIL),)

        await asyncio.gather(
            *(
                resolvers[i % len(resolvers)].modify(ModifyRequest(GRAPH, mpid, changes))
                for i, mpid in enumerate(mpids)
            )
        )
        entries = await scribe.journal(after=len(mpids))

        assert await scribe.store.find_profiles(GRAPH, MAIL, 10) == [entries[-1].mpid]
        assert sorted(entry.mpid for entry in entries) == sorted(mpids)


def _login(*identities: Identity) -> ResolveRequest:
    return ResolveRequest(Operation.LOGIN, GRAPH, {identity.type: identity for identity in identities})


async def _all(resolvers: list[Resolver], requests: Iterable[ResolveRequest]) -> list[Mpid]:
    answers = await asyncio.gather(
        *(resolvers[i % len(resolvers)].resolve(request) for i, request in enumerate(requests))
    )
    return [answer.mpid for answer in answers]
