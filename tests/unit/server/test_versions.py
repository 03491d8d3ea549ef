"""Settings come into force as versions (ID-039, ID-252)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idsync.config import policy_from_json, policy_to_json
from idsync.model.errors import ConfigurationError
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.settings_version import SettingsVersion, in_force
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.server.versions import record_versions
from idsync.store.memory import MemoryStore

T = IdentityType
NOW_MS = 1_700_000_000_000
PLAIN = Policy("profile_conversion", (T.CUSTOMERID, T.EMAIL, T.IOS_IDFV))
UNIQUE = replace(PLAIN, unique=frozenset({T.EMAIL}))


def clock() -> int:
    return NOW_MS


def of_file(number: int, policy: Policy, at_ms: int = NOW_MS, scope: str = "retail") -> SettingsVersion:
    """A version as the file makes one."""
    return SettingsVersion(scope, number, "file", at_ms, at_ms, policy_to_json(policy), taken_ms=at_ms)


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

    assert versions == {"retail": [of_file(1, PLAIN)], "blog": [of_file(1, UNIQUE, scope="blog")]}
    assert policy_from_json((await store.versions("blog"))[0].settings) == UNIQUE


async def test_nothing_changed_nothing_recorded(store: MemoryStore) -> None:
    await record_versions(store, {"retail": PLAIN}, clock)

    again = await record_versions(store, {"retail": replace(PLAIN)}, lambda: NOW_MS + 1)

    assert again == {"retail": [of_file(1, PLAIN)]}


async def test_change_makes_a_version(store: MemoryStore) -> None:
    await record_versions(store, {"retail": PLAIN}, clock)

    again = await record_versions(store, {"retail": UNIQUE}, lambda: NOW_MS + 1)

    assert again == {"retail": [of_file(1, PLAIN), of_file(2, UNIQUE, NOW_MS + 1)]}


async def test_what_an_operator_staged_goes_on_while_the_file_says_the_same(store: MemoryStore) -> None:
    """ID-039: a file that says again what it said is no change."""
    await record_versions(store, {"retail": PLAIN}, clock)
    await store.add_version(replace(of_file(2, UNIQUE), author="Ann", taken_ms=NOW_MS))

    [versions] = (await record_versions(store, {"retail": PLAIN}, clock)).values()

    assert [version.author for version in versions] == ["file", "Ann"]
    current = in_force(versions, NOW_MS)
    assert current is not None
    assert current.number == 2


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
    assert await store.versions("blog") == []


async def test_what_was_unique_before_is_not_asked_again(store: MemoryStore) -> None:
    """The store has kept it so; a large one should not be searched at each start."""
    await record_versions(store, {"retail": UNIQUE}, clock)
    await share_an_email(store, Environment.PRODUCTION)

    assert await record_versions(store, {"retail": UNIQUE}, clock) == {"retail": [of_file(1, UNIQUE)]}
