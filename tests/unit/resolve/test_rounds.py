"""Calls that race: against each other they all get through, against others only so often."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from idsync.model.changes import Applied, ChangeSet, Resolution, Stale
from idsync.model.errors import ContentionError
from idsync.model.identity import Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.rounds import MAX_ATTEMPTS
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe

DEVICE = Identity(IdentityType.IOS_IDFV, "device")
OTHER_DEVICE = Identity(IdentityType.IOS_IDFV, "other device")


class RivalledStore(MemoryStore):
    """A store that somebody else writes to as well, just before we commit."""

    def __init__(self, rivalries: int) -> None:
        super().__init__(clock=ManualClock())
        self._rivalries = rivalries

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        if self._rivalries:
            self._rivalries -= 1
            rival = Scribe(self)
            await super().apply([await rival.prepare(0, *rival.creation(DEVICE))])
        return await super().apply(changes, in_order=in_order)


def _resolver(store: MemoryStore) -> Resolver:
    policy = Policy("profile_conversion", (IdentityType.CUSTOMERID, IdentityType.IOS_IDFV))
    scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
    return Resolver(store, {GRAPH.scope: scope}, ManualClock())


def _logout(identity: Identity) -> ResolveRequest:
    return ResolveRequest(Operation.LOGOUT, GRAPH, {identity.type: identity})


async def test_a_call_that_lost_a_few_races_looks_again() -> None:
    """Nobody hears of a race that was won in the end (ID-041)."""
    store = RivalledStore(MAX_ATTEMPTS - 1)

    answer = await _resolver(store).resolve(_logout(DEVICE))

    assert (await Scribe(store).holders(DEVICE))[0] == answer.mpid


async def test_a_call_that_never_wins_is_told_so() -> None:
    """Nothing was changed, and it may try again."""
    store = RivalledStore(MAX_ATTEMPTS)

    with pytest.raises(ContentionError):
        await _resolver(store).resolve(_logout(DEVICE))
    assert len(await Scribe(store).journal()) == MAX_ATTEMPTS


async def test_in_a_batch_only_the_loser_is_told_so() -> None:
    store = RivalledStore(MAX_ATTEMPTS)

    lost, won = await _resolver(store).resolve_all([_logout(DEVICE), _logout(OTHER_DEVICE)])

    assert isinstance(lost, ContentionError)
    assert isinstance(won, Resolution)


async def test_calls_never_lose_against_calls_of_their_own_round_too_often() -> None:
    """Each logout of one device makes a profile (ID-103), so that only one of them gets through each time."""
    store = MemoryStore(clock=ManualClock())
    resolver = _resolver(store)
    many = 5 * MAX_ATTEMPTS

    answers = await asyncio.gather(*(resolver.resolve(_logout(DEVICE)) for _ in range(many)))

    assert len({answer.mpid for answer in answers}) == many
    assert len(await Scribe(store).journal()) == many
