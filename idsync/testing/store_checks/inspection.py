"""What a store shows to those who ask about profiles, values and settings (ID-250)."""

from __future__ import annotations

import asyncio
from itertools import product

from idsync.model.identity import IdentityType
from idsync.model.journal import Change, ChangeKind
from idsync.model.profile import Link, RecordedIdentity
from idsync.store.protocol import MAX_HOLDERS
from idsync.testing.clock import START_MS, ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE, OTHER_MAIL

__all__ = ["InspectionChecks"]


class InspectionChecks:
    """Profiles whole, links past and present, lists for upkeep."""

    async def test_a_profile_is_shown_whole(self, scribe: Scribe, clock: ManualClock) -> None:
        """Record, descriptions, source and times, each value with the entry that put it there."""
        source = await scribe.create(DEVICE)
        clock.advance(1_000)
        mpid = await scribe.create(DEVICE, CUSTOMER, source=source, rule="suite/created")
        clock.advance(1_000)
        await scribe.add(mpid, MAIL)
        await scribe.describe(mpid, NICKNAME)
        before = (await scribe.store.profiles(scribe.graph, [mpid]))[mpid]
        clock.advance(1_000)
        await scribe.give_back(mpid)

        shown = (await scribe.store.profiles(scribe.graph, [mpid]))[mpid]

        assert shown.identities == (
            RecordedIdentity(DEVICE, 2, START_MS + 1_000, "suite/created"),
            RecordedIdentity(CUSTOMER, 2, START_MS + 1_000, "suite/created"),
            RecordedIdentity(MAIL, 3, START_MS + 2_000, "suite/written"),
        )
        assert shown.descriptions == (RecordedIdentity(NICKNAME, 4, START_MS + 2_000, "suite/written"),)
        assert (shown.mpid, shown.graph, shown.erased, shown.source) == (mpid, scribe.graph, False, source)
        assert (shown.created_seq, shown.created_ms) == (2, START_MS + 1_000)
        assert (before.recency, before.returned_ms) == (2, None)
        assert (shown.recency, shown.returned_ms) == (5, START_MS + 3_000)

    async def test_profiles_are_shown_by_name(self, scribe: Scribe) -> None:
        """Unknown ones are left out; an orphan is a profile like any other (ID-009, ID-211)."""
        mpids = [await scribe.create(DEVICE), await scribe.create()]

        shown = await scribe.store.profiles(scribe.graph, [*mpids, 12_345])

        assert set(shown) == set(mpids)
        assert shown[mpids[1]].identities == ()
        assert await scribe.store.profiles(scribe.graph, []) == {}

    async def test_an_orphan_can_be_found_again(self, scribe: Scribe) -> None:
        """It keeps its MPID, and becomes reachable when it is given an identity (ID-211)."""
        mpid = await scribe.create(DEVICE)
        await scribe.remove(mpid, DEVICE)
        gone = await scribe.holders(DEVICE)
        await scribe.add(mpid, OTHER_DEVICE)

        assert gone == []
        assert await scribe.holders(OTHER_DEVICE) == [mpid]

    async def test_graphs_of_profiles_are_known(self, scribe: Scribe) -> None:
        elsewhere = Scribe(scribe.store, scribe.graph._replace(scope="elsewhere"))
        here, there = await scribe.create(DEVICE), await elsewhere.create(DEVICE)

        found = await scribe.store.graph_of([here, there, 12_345])

        assert found == {here: scribe.graph, there: elsewhere.graph}

    async def test_links_show_past_and_present_holders(self, scribe: Scribe) -> None:
        """Each edge with its lifetime, oldest first; descriptions are none."""
        first, second, described = [await scribe.create(identity) for identity in (MAIL, DEVICE, DEVICE)]
        await scribe.describe(described, MAIL)
        await scribe.remove(first, MAIL)
        await scribe.add(second, MAIL)
        await scribe.add(first, MAIL)

        links = await scribe.store.links_of(scribe.graph, MAIL, 10)

        assert links == [Link(first, 1, 5), Link(second, 6, None), Link(first, 7, None)]
        assert await scribe.store.links_of(scribe.graph, MAIL, 2) == links[:2]
        assert await scribe.store.links_of(scribe.graph, OTHER_MAIL, 10) == []

    async def test_holders_are_found_page_by_page(self, scribe: Scribe) -> None:
        first, second, third = [await scribe.create(DEVICE) for _ in range(3)]

        pages = [await scribe.store.find_profiles(scribe.graph, DEVICE, 2, before) for before in (None, 2, 1)]

        assert pages == [[third, second], [first], []]

    async def test_values_on_more_than_one_record_are_listed(self, scribe: Scribe) -> None:
        """A type may become unique only while there is none (ID-039); the newest holder comes first."""
        first, second = await scribe.create(MAIL, DEVICE), await scribe.create(MAIL, DEVICE)
        third = await scribe.create(OTHER_MAIL)
        left, erased, described = [await scribe.create(DEVICE) for _ in range(3)]
        await scribe.add(left, OTHER_MAIL)
        await scribe.remove(left, OTHER_MAIL)
        await scribe.add(erased, OTHER_MAIL)
        await scribe.erase(erased)
        await scribe.describe(described, OTHER_MAIL)
        store, graph, email = scribe.store, scribe.graph, IdentityType.EMAIL

        shared = await store.shared_values(graph, email, 10)
        await scribe.add(first, OTHER_MAIL)
        await scribe.give_back(first)
        more = await store.shared_values(graph, email, 10)
        pages = [
            await store.shared_values(graph, email, 1, after) for after in (0, *(m.identity_id for m in more))
        ]

        assert [(s.identity, s.mpids, s.holders) for s in shared] == [(MAIL, (second, first), 2)]
        assert [(s.identity, s.mpids, s.holders) for s in more] == [
            (MAIL, (first, second), 2),
            (OTHER_MAIL, (first, third), 2),
        ]
        assert pages == [[more[0]], [more[1]], []]
        assert await store.count_shared(graph, email) == 2
        assert await store.shared_values(graph, IdentityType.CUSTOMERID, 10) == []
        assert await store.count_shared(graph, IdentityType.CUSTOMERID) == 0

    async def test_of_many_holders_the_newest_and_a_number_are_named(self, scribe: Scribe) -> None:
        """One repair entry changes a bounded number of profiles (ID-039)."""
        mpids = [await scribe.create(MAIL) for _ in range(MAX_HOLDERS + 3)]

        [shared] = await scribe.store.shared_values(scribe.graph, IdentityType.EMAIL, 10)

        assert shared.mpids == tuple(reversed(mpids[-MAX_HOLDERS - 1 :]))
        assert shared.holders == MAX_HOLDERS + 3

    async def test_inactive_profiles_are_listed(self, scribe: Scribe, clock: ManualClock) -> None:
        """Creation, return and use are activity; erased profiles are past it (ID-214)."""
        idle, returned, used, erased = [await scribe.create(DEVICE) for _ in range(4)]
        await scribe.erase(erased)
        clock.advance(1_000)
        await scribe.give_back(returned)
        await scribe.write(used, Change(ChangeKind.ACTIVE, used))
        fresh = await scribe.create(DEVICE)

        at_once = await scribe.store.inactive_profiles(scribe.graph, START_MS, 10)
        later = await scribe.store.inactive_profiles(scribe.graph, START_MS + 1, 10)
        much_later = await scribe.store.inactive_profiles(scribe.graph, START_MS + 1_001, 10)

        assert (at_once, later) == ([], [idle])
        assert set(much_later) == {idle, returned, used, fresh}
        assert len(await scribe.store.inactive_profiles(scribe.graph, START_MS + 1_001, 2)) == 2

    async def test_a_view_says_when_a_profile_was_last_active(
        self, scribe: Scribe, clock: ManualClock
    ) -> None:
        mpid = await scribe.create(DEVICE)
        clock.advance(1_000)
        await scribe.write(mpid, Change(ChangeKind.ACTIVE, mpid))

        profile = (await scribe.look(profiles=[mpid])).profile(mpid)

        assert profile is not None
        assert (profile.active_ms, profile.recency) == (START_MS + 1_000, 1)

    async def test_graphs_are_listed_once_they_have_a_journal(self, scribe: Scribe) -> None:
        """Looking at a graph does not make one."""
        await scribe.look(DEVICE)
        none = await scribe.store.graphs()
        await scribe.create(DEVICE)

        assert none == []
        assert await scribe.store.graphs() == [scribe.graph]

    async def test_who_stops_waiting_leaves_nothing_behind(self, scribe: Scribe) -> None:
        """Whenever a look is given up, twice even, the store still answers and ends, and so do its tasks."""
        await scribe.create(DEVICE)
        before = asyncio.all_tasks()
        for turns in product(range(0, 400, 8), (2, 8, 24)):
            look = asyncio.create_task(scribe.store.entries(scribe.graph, 0, 10))
            for each in turns:
                await _turn(each)
                look.cancel()
            await asyncio.wait([look])

        assert [entry.seq for entry in await scribe.store.entries(scribe.graph, 0, 10)] == [1]
        await scribe.store.close()
        assert asyncio.all_tasks() <= before


async def _turn(times: int) -> None:
    """Let the loop go round."""
    for _ in range(times):
        await asyncio.sleep(0)
