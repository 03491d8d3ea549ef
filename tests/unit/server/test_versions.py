"""Settings come into force as versions (ID-039, ID-252)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idsync.config import policy_from_json
from idsync.model.errors import ConfigurationError
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.server.versions import Version, record_versions
from idsync.store.memory import MemoryStore

T = IdentityType
NOW_MS = 1_700_000_000_000
PLAIN = Policy("profile_conversion", (T.CUSTOMERID, T.EMAIL, T.IOS_IDFV))
UNIQUE = replace(PLAIN, unique=frozenset({T.EMAIL}))


def clock() -> int:
    return NOW_MS


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(clock=clock)


async def share_an_email(store: MemoryStore, environment: Environment) -> set[int]:
    """Two profiles with one email each, which only a non-unique type allows."""
    strategy = load_strategies(["profile_conversion"])["profile_conversion"]
    resolver = Resolver(
        store, {"retail": Scope(replace(PLAIN, login=frozenset({T.CUSTOMERID})), strategy)}, clock
    )
    mpids = set()
    for customer in ("c-1", "c-2"):
        identities = [Identity(T.CUSTOMERID, customer), Identity(T.EMAIL, "ed@example.com")]
        request = ResolveRequest(
            Operation.LOGOUT if customer == "" else Operation.LOGIN,
            GraphKey("retail", environment),
            {identity.type: identity for identity in identities},
        )
        mpids.add((await resolver.resolve(request)).mpid)
    return mpids


async def test_first_start_records_everything(store: MemoryStore) -> None:
    versions = await record_versions(store, {"retail": PLAIN, "blog": UNIQUE}, clock)

    assert versions == {"retail": Version(1, "file", NOW_MS), "blog": Version(1, "file", NOW_MS)}
    kept = await store.configuration("blog")
    assert kept is not None
    assert policy_from_json(kept[3]) == UNIQUE


async def test_nothing_changed_nothing_recorded(store: MemoryStore) -> None:
    await record_versions(store, {"retail": PLAIN}, clock)

    again = await record_versions(store, {"retail": replace(PLAIN)}, lambda: NOW_MS + 1)

    assert again == {"retail": Version(1, "file", NOW_MS)}


async def test_change_makes_a_version(store: MemoryStore) -> None:
    await record_versions(store, {"retail": PLAIN}, clock)

    again = await record_versions(store, {"retail": UNIQUE}, lambda: NOW_MS + 1)

    assert again == {"retail": Version(2, "file", NOW_MS + 1)}


@pytest.mark.parametrize("environment", list(Environment))
async def test_shared_values_cannot_become_unique(store: MemoryStore, environment: Environment) -> None:
    """ID-039: refused with the offenders, by MPID and never by value."""
    await record_versions(store, {"retail": PLAIN}, clock)
    mpids = await share_an_email(store, environment)
    assert len(mpids) == 2

    with pytest.raises(ConfigurationError) as caught:
        await record_versions(store, {"blog": PLAIN, "retail": UNIQUE}, clock)

    (fault,) = caught.value.faults
    assert all(str(mpid) in fault for mpid in mpids)
    assert environment.wire_name in fault
    assert "ed@example.com" not in str(caught.value)
    assert await store.configuration("blog") is None


async def test_what_was_unique_before_is_not_asked_again(store: MemoryStore) -> None:
    """The store has kept it so; a large one should not be searched at each start."""
    await record_versions(store, {"retail": UNIQUE}, clock)
    await share_an_email(store, Environment.PRODUCTION)

    assert await record_versions(store, {"retail": UNIQUE}, clock) == {"retail": Version(1, "file", NOW_MS)}
