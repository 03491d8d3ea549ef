"""Neighbourhoods: how far they go, what is left out, and that it is said."""

from __future__ import annotations

import pytest

from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.resolve import neighborhood
from idsync.resolve.neighborhood import Neighborhood, Neighbors, Popularity
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, LOGIN, Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE, numbered


@pytest.fixture
def scribe() -> Scribe:
    return Scribe(MemoryStore(clock=ManualClock()))


async def around(scribe: Scribe, start: Identity | Mpid, hops: int, most: int = 50) -> Neighborhood:
    return await Neighbors(scribe.store).around(GRAPH, start, LOGIN, hops, most)


async def test_each_step_goes_from_profiles_to_identities_or_back(scribe: Scribe) -> None:
    first = await scribe.create(CUSTOMER, DEVICE)
    second = await scribe.create(DEVICE, OTHER_DEVICE)
    third = await scribe.create(OTHER_DEVICE)

    found = [await around(scribe, first, hops) for hops in range(6)]

    assert [set(each.profiles) for each in found] == [
        {first},
        {first},
        {first, second},
        {first, second},
        {first, second, third},
        {first, second, third},
    ]
    assert found[5].hops == {first: 0, CUSTOMER: 1, DEVICE: 1, second: 2, OTHER_DEVICE: 3, third: 4}
    assert [each.is_whole for each in found] == [False, False, False, False, True, True]


async def test_it_may_begin_with_an_identity(scribe: Scribe) -> None:
    known, anonymous = await scribe.create(CUSTOMER, DEVICE), await scribe.create(DEVICE)

    found = await around(scribe, DEVICE, 1)

    assert found.hops == {DEVICE: 0, known: 1, anonymous: 1}
    assert found.identities == {DEVICE: Popularity(known=1, anonymous=1, shown=2)}


async def test_what_is_only_described_connects_nobody(scribe: Scribe) -> None:
    """ID-026: descriptive identities are no record."""
    first, second = await scribe.create(DEVICE), await scribe.create(OTHER_DEVICE)
    await scribe.describe(first, NICKNAME)
    await scribe.describe(second, NICKNAME)

    assert set((await around(scribe, first, 6)).profiles) == {first}


async def test_nobody_has_no_neighbours(scribe: Scribe) -> None:
    gone = await scribe.create(DEVICE)
    await scribe.erase(gone)

    unknown = await around(scribe, 404, 4)
    erased = await around(scribe, gone, 4)
    unheld = await around(scribe, MAIL, 4)

    assert (unknown.profiles, unknown.identities, unknown.is_whole) == ({}, {}, True)
    assert (set(erased.profiles), erased.identities) == ({gone}, {})
    assert (unheld.profiles, unheld.identities) == ({}, {MAIL: Popularity(0, 0, 0)})


async def test_holders_beyond_the_bound_are_counted(scribe: Scribe) -> None:
    """The newest are shown, in the order of ID-011."""
    holders = [await scribe.create(DEVICE) for _ in range(5)]

    found = await around(scribe, DEVICE, 2, most=3)

    assert set(found.profiles) == set(holders[2:])
    assert found.identities[DEVICE] == Popularity(known=0, anonymous=5, shown=3)
    assert found.identities[DEVICE].left_out == 2
    assert not found.is_whole


async def test_a_popular_value_leaves_room_for_rare_ones(scribe: Scribe) -> None:
    me = await scribe.create(DEVICE, OTHER_DEVICE)
    friend = await scribe.create(OTHER_DEVICE)
    for _ in range(9):
        await scribe.create(DEVICE)

    found = await around(scribe, me, 2, most=3)

    assert {me, friend} < set(found.profiles)


@pytest.mark.parametrize("place", [0, 5])
async def test_the_bound_is_met_exactly_wherever_the_start_ranks(scribe: Scribe, place: int) -> None:
    holders = [await scribe.create(DEVICE) for _ in range(6)]

    found = await around(scribe, holders[place], 2, most=3)

    assert len(found.profiles) == 3
    assert holders[place] in found.profiles


async def test_a_record_that_goes_on_for_ever_is_cut_and_counted(
    scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighborhood, "MAX_IDENTITIES", 4)
    welded = await scribe.create(*(numbered(IdentityType.EMAIL, number) for number in range(6)))

    found = await around(scribe, welded, 2)

    assert list(found.identities) == [numbered(IdentityType.EMAIL, number) for number in range(4)]
    assert found.identities_left_out == 2
    assert not found.is_whole


async def test_many_identities_are_counted_in_several_looks(
    scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighborhood, "_COUNTED_AT_ONCE", 2)
    values = [numbered(IdentityType.EMAIL, number) for number in range(5)]
    welded = await scribe.create(*values)

    found = await around(scribe, welded, 1)

    assert found.identities == dict.fromkeys(values, Popularity(1, 0, 1))
