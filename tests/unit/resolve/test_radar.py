"""The collapse radar: what falls apart without a value, and how fast a value spreads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.model.identity import Identity, IdentityType, Mpid, type_set
from idsync.model.policy import Policy
from idsync.resolve import radar
from idsync.resolve.neighborhood import Neighbors
from idsync.resolve.radar import WINDOWS_MS, Assessment, Growth, Part, Radar, Tie
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL, OTHER_DEVICE, OTHER_MAIL, numbered

C, E, V = IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.IOS_IDFV
POLICY = Policy("profile_conversion", (C, E, V), login=frozenset({C}))
HOUR_MS, DAY_MS = WINDOWS_MS[:2]


class Shop:
    """A graph, and a radar above it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        store = MemoryStore(clock=self.clock)
        self.scribe = Scribe(store, login=POLICY.login_set)
        self._radar = Radar(store, self.clock)

    async def person(self, number: int, *identities: Identity) -> Mpid:
        return await self.scribe.create(numbered(C, number), *identities)

    async def assess(self, identity: Identity) -> Assessment:
        return await self._radar.assess(GRAPH, identity, POLICY)


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_a_kiosk_holds_strangers_together(shop: Shop) -> None:
    for number in range(3):
        await shop.person(number, DEVICE)
    await shop.scribe.create(DEVICE)

    found = await shop.assess(DEVICE)

    assert (found.known, found.anonymous) == (3, 1)
    assert found.connected == Part(3, 1)
    assert found.parts == (Part(1, 0), Part(1, 0), Part(1, 0), Part(0, 1))
    assert (found.part_count, found.is_whole) == (4, True)


async def test_a_family_shares_more_than_a_device(shop: Shop) -> None:
    """It stays together without it."""
    await shop.person(1, DEVICE, MAIL)
    await shop.person(2, DEVICE, MAIL)

    found = await shop.assess(DEVICE)

    assert found.parts == (Part(2, 0),)
    assert (found.pivots, found.ties) == ((), ())


async def test_others_that_hold_the_neighbourhood_together_are_named(shop: Shop) -> None:
    await shop.person(1, DEVICE)
    middle = await shop.person(2, DEVICE, MAIL)
    await shop.person(3, MAIL, OTHER_MAIL)
    last = await shop.person(4, MAIL, OTHER_MAIL)

    found = await shop.assess(DEVICE)

    assert found.connected == Part(4, 0)
    assert found.parts == (Part(3, 0), Part(1, 0))
    assert (found.pivots, found.pivot_count) == ((MAIL,), 1)
    assert Tie(MAIL, middle) in found.ties
    assert Tie(MAIL, last) not in found.ties
    assert found.tie_count == len(found.ties) == 3


async def test_the_most_popular_pivot_comes_first(shop: Shop) -> None:
    await shop.person(1, DEVICE, OTHER_DEVICE, MAIL)
    await shop.person(2, DEVICE)
    await shop.person(3, OTHER_DEVICE)
    for number in range(4, 7):
        await shop.person(number, MAIL)

    assert (await shop.assess(OTHER_DEVICE)).pivots == (MAIL, DEVICE)
    assert (await shop.assess(DEVICE)).pivots == (MAIL, OTHER_DEVICE)


async def test_who_has_nobody_else_is_one_part(shop: Shop) -> None:
    await shop.person(1, DEVICE)

    found = await shop.assess(DEVICE)

    assert (found.parts, found.connected) == ((Part(1, 0),), Part(1, 0))


async def test_a_value_that_nobody_has(shop: Shop) -> None:
    await shop.person(1, DEVICE)

    found = await shop.assess(OTHER_DEVICE)

    assert (found.known, found.anonymous, found.connected) == (0, 0, Part(0, 0))
    assert (found.parts, found.ties, found.is_whole) == ((), (), True)
    assert [growth.added for growth in found.growth] == [0, 0, 0, 0]


async def test_growth_is_told_by_the_times_of_entries(shop: Shop) -> None:
    await shop.person(1, DEVICE)
    shop.clock.advance(DAY_MS)
    await shop.person(2, DEVICE)
    shop.clock.advance(HOUR_MS)
    await shop.person(3, DEVICE)
    await shop.person(4, OTHER_DEVICE)

    found = await shop.assess(DEVICE)
    shop.clock.advance(1)
    later = await shop.assess(DEVICE)

    assert [growth.added for growth in found.growth] == [2, 2, 3, 3]
    assert [growth.added for growth in later.growth] == [1, 2, 3, 3]


async def test_who_lost_the_value_again_is_counted(shop: Shop) -> None:
    mpid = await shop.person(1, DEVICE)
    await shop.scribe.remove(mpid, DEVICE)

    found = await shop.assess(DEVICE)

    assert (found.known, found.growth[0].added) == (0, 1)


async def test_counting_ends_somewhere_and_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radar, "_COUNTED", 2)
    for number in range(3):
        await shop.person(number, DEVICE)

    assert (await shop.assess(DEVICE)).growth[0] == Growth(HOUR_MS, 2, True)


async def test_a_crowd_is_looked_at_in_part_and_that_is_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radar, "MAX_PROFILES", 3)
    monkeypatch.setattr(radar, "MAX_NAMED", 2)
    for number in range(5):
        await shop.person(number, DEVICE)

    found = await shop.assess(DEVICE)

    assert (found.known, found.connected, found.is_whole) == (5, Part(3, 0), False)
    assert (len(found.parts), found.part_count) == (2, 3)
    assert (len(found.ties), found.tie_count) == (2, 3)


@given(st.lists(st.sets(st.integers(0, 5), max_size=4), max_size=8))
async def test_parts_share_nothing_but_the_value(people: list[set[int]]) -> None:
    """Whatever the graph: parts are what remains when everybody loses the value."""
    shop = Shop()
    values = [numbered(V, number) for number in range(6)]
    mpids = [await shop.scribe.create(*(values[each] for each in sorted(held))) for held in people]

    before = await shop.assess(values[0])
    holders = [mpid for mpid, held in zip(mpids, people, strict=True) if 0 in held]
    for mpid in holders:
        await shop.scribe.remove(mpid, values[0])
    alone = [
        around.profiles.keys()
        for around in [
            await Neighbors(shop.scribe.store).around(GRAPH, m, type_set(()), 20, 100) for m in holders
        ]
    ]
    apart = {frozenset(part) for part in alone}

    assert before.part_count == len(apart)
    assert sorted(part.anonymous for part in before.parts) == sorted(map(len, apart))
    assert before.connected.anonymous == sum(map(len, apart))
