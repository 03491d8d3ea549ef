"""A revert rests on the journal as it is when it is written, not as it was when it was read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from idsync.model.errors import ConflictError
from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid
from idsync.model.journal import JournalEntry
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.undo import RevertRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.undo import following
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH

ADA = Identity(IdentityType.CUSTOMERID, "ada")
MAIL = Identity(IdentityType.EMAIL, "bob@x.example")
DEVICE = Identity(IdentityType.IOS_IDFV, "bobs")


class InterruptedStore(MemoryStore):
    """Lets something happen once, right after the journal was read."""

    between: Callable[[], Awaitable[object]] | None = None

    async def entries(
        self, graph: GraphKey, after: int, limit: int, mpid: Mpid | None = None
    ) -> list[JournalEntry]:
        found = await super().entries(graph, after, limit, mpid)
        between, self.between = self.between, None
        if between is not None:
            await between()
        return found


@pytest.fixture
def store() -> InterruptedStore:
    return InterruptedStore(clock=ManualClock())


@pytest.fixture
def resolver(store: InterruptedStore) -> Resolver:
    types = (ADA.type, MAIL.type, DEVICE.type)
    policy = Policy("profile_conversion", types, frozenset(types[:2]), frozenset(types[:2]))
    scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
    return Resolver(store, {GRAPH.scope: scope}, ManualClock())


def login(*identities: Identity) -> ResolveRequest:
    return ResolveRequest(Operation.LOGIN, GRAPH, {i.type: i for i in identities})


async def test_what_comes_between_is_seen(store: InterruptedStore, resolver: Resolver) -> None:
    """A call that the entry led to its profile, and that changed it, rests on the entry."""
    await resolver.resolve(login(ADA))
    joined = await resolver.resolve(login(ADA, MAIL))
    store.between = lambda: resolver.resolve(login(MAIL, DEVICE))

    with pytest.raises(ConflictError) as refusal:
        await resolver.revert(RevertRequest(GRAPH, joined.journal_seq))

    assert refusal.value.metadata == {"entries": "3"}
    assert (await store.profiles(GRAPH, [joined.mpid]))[joined.mpid].identities[1].identity == MAIL


async def test_what_comes_between_and_has_nothing_to_do_with_it_is_no_hindrance(
    store: InterruptedStore, resolver: Resolver
) -> None:
    await resolver.resolve(login(ADA))
    joined = await resolver.resolve(login(ADA, MAIL))
    store.between = lambda: resolver.resolve(login(ADA, DEVICE))

    done = await resolver.revert(RevertRequest(GRAPH, joined.journal_seq))

    assert done.reverted == (joined.journal_seq,)
    assert done.profiles[0].record == (ADA, DEVICE)


async def test_more_than_can_be_looked_through_is_refused(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is undone on a guess."""
    monkeypatch.setattr(following, "MAX_FOLLOWING", 2)
    created = await resolver.resolve(login(ADA))
    for n in range(3):
        await resolver.resolve(login(ADA, Identity(DEVICE.type, str(n))))

    with pytest.raises(ConflictError, match="more than 2 entries"):
        await resolver.revert(RevertRequest(GRAPH, created.journal_seq, with_following=True))
