"""The past: what was shown then is shown of then, on both clocks, but for what an erasure removed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from idsync.model.aliasing import AliasState, AliasTerms
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import Change, ChangeKind
from idsync.model.moment import Moment
from idsync.model.profile import Link, Profile
from idsync.testing.capability import Capability, needs
from idsync.testing.clock import START_MS, ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import (
    CUSTOMER,
    DEVICE,
    MAIL,
    NICKNAME,
    OTHER_DEVICE,
    OTHER_MAIL,
    STAMP,
    numbered,
)
from idsync.testing.work import counted

__all__ = ["PastChecks"]

_SECOND_MS = 1_000
_FEW, _MANY = 20, 1_000

Step = Callable[[], Awaitable[object]]


class PastChecks:
    """Looks at what was, by time and by position."""

    async def test_every_position_shows_what_was_shown_there(
        self, scribe: Scribe, clock: ManualClock
    ) -> None:
        """The whole profile (ID-250): record, descriptions, return, source and aliases."""
        source, mpid = await _eventful(scribe, clock)
        shown: dict[int, dict[Mpid, Profile]] = {}
        for step in _steps(scribe, source, mpid):
            await step()
            clock.advance(_SECOND_MS)
            shown[len(await scribe.journal())] = await _profiles(scribe, source, mpid)
        await scribe.store.settle()

        by_position = {seq: await _past(scribe, Moment(seq), source, mpid) for seq in shown}
        times = {entry.seq: entry.at_ms for entry in await scribe.journal()}
        last = await scribe.store.last_seq(scribe.graph)
        by_time = {seq: await _past(scribe, Moment(last, times[seq]), source, mpid) for seq in shown}

        assert len(shown) == len(_steps(scribe, source, mpid))
        assert by_position == shown
        assert by_time == shown

    async def test_before_it_was_created_there_is_no_profile(
        self, scribe: Scribe, clock: ManualClock
    ) -> None:
        await scribe.create(OTHER_DEVICE)
        clock.advance(_SECOND_MS)
        mpid = await scribe.create(DEVICE)

        for moment in (Moment(0), Moment(1), Moment(2, START_MS), Moment(2, -1)):
            assert await _past(scribe, moment, mpid, 12_345) == {}
            assert await _found(scribe, DEVICE, moment) == []
        assert await _found(scribe, DEVICE, Moment(2)) == [mpid]

    async def test_a_moment_begins_with_what_was_written_in_it(
        self, scribe: Scribe, clock: ManualClock
    ) -> None:
        """To the millisecond: a value counts from the time of the entry that added it to that of its end."""
        first, second = await scribe.create(MAIL), await scribe.create(DEVICE)
        clock.advance(10)
        await scribe.remove(first, MAIL)
        await scribe.add(second, MAIL)

        found = [await _found(scribe, MAIL, Moment(4, START_MS + ms)) for ms in (-1, 0, 9, 10, 11)]

        assert found == [[], [first], [first], [second], [second]]

    async def test_both_clocks_count(self, scribe: Scribe, clock: ManualClock) -> None:
        """What came later does not count, nor what was not known yet: the earlier of both ends it."""
        first = await scribe.create(MAIL)
        clock.advance(10)
        second = await scribe.create(MAIL)
        clock.advance(10)
        await scribe.remove(first, MAIL)

        assert await _found(scribe, MAIL, Moment(3, START_MS + 20)) == [second]
        assert await _found(scribe, MAIL, Moment(2, START_MS + 20)) == [second, first]
        assert await _found(scribe, MAIL, Moment(1, START_MS + 20)) == [first]
        assert await _found(scribe, MAIL, Moment(3, START_MS + 19)) == [second, first]
        assert await _found(scribe, MAIL, Moment(3, START_MS + 9)) == [first]

    async def test_a_clock_set_back_leaves_each_entry_its_own_time(
        self, scribe: Scribe, clock: ManualClock
    ) -> None:
        """An entry counts by its own time, whatever those around it say; none is shown twice."""
        clock.advance(30)
        mpid = await scribe.create(DEVICE, MAIL)
        await scribe.give_back(mpid)
        await scribe.remove(mpid, MAIL)
        clock.advance(-20)
        await scribe.add(mpid, MAIL)
        early = await scribe.create(DEVICE)

        assert await _found(scribe, DEVICE, Moment(5, START_MS + 10)) == [early]
        assert await _found(scribe, MAIL, Moment(5, START_MS + 10)) == [mpid]
        assert await _found(scribe, MAIL, Moment(5, START_MS + 30)) == [mpid]
        assert await _past(scribe, Moment(5, START_MS + 29), mpid) == {}
        [shown] = (await _past(scribe, Moment(5, START_MS + 30), mpid)).values()
        assert [(r.identity, r.since_seq) for r in shown.identities] == [(DEVICE, 1), (MAIL, 4)]

    async def test_a_value_taken_off_later_than_given_again_is_there_once(
        self, scribe: Scribe, clock: ManualClock
    ) -> None:
        """As after a clock was set back between the two."""
        mpid = await scribe.create(MAIL)
        clock.advance(30)
        await scribe.remove(mpid, MAIL)
        clock.advance(-20)
        await scribe.add(mpid, MAIL)

        [shown] = (await _past(scribe, Moment(3, START_MS + 20), mpid)).values()

        assert [(r.identity, r.since_seq) for r in shown.identities] == [(MAIL, 1)]
        assert await _found(scribe, MAIL, Moment(3, START_MS + 20)) == [mpid]

    async def test_the_last_return_is_that_of_then(self, scribe: Scribe, clock: ManualClock) -> None:
        """ID-011; however many entries there were since."""
        mpid = await scribe.create(DEVICE)
        clock.advance(1)
        await scribe.give_back(mpid)
        for _ in range(120):
            clock.advance(1)
            await scribe.write(mpid, Change(ChangeKind.ACTIVE, mpid))
        clock.advance(1)
        await scribe.give_back(mpid)

        shown = [
            (profile.recency, profile.returned_ms)
            for seq in (1, 2, 122, 123)
            for profile in (await _past(scribe, Moment(seq), mpid)).values()
        ]
        [by_time] = (await _past(scribe, Moment(123, START_MS + 121), mpid)).values()

        assert shown == [(1, None), (2, START_MS + 1), (2, START_MS + 1), (123, START_MS + 122)]
        assert (by_time.recency, by_time.returned_ms) == (2, START_MS + 1)

    async def test_what_was_erased_is_gone_from_the_past(self, scribe: Scribe, clock: ManualClock) -> None:
        """ID-212: neither its values nor that it held what others still hold; it was, and is erased."""
        mpid, other = await scribe.create(DEVICE, CUSTOMER), await scribe.create(DEVICE)
        await scribe.describe(mpid, NICKNAME)
        clock.advance(_SECOND_MS)
        await scribe.erase(mpid)
        await scribe.store.settle()

        for moment in (Moment(3), Moment(4), Moment(4, START_MS)):
            [shown] = (await _past(scribe, moment, mpid)).values()
            assert shown.erased
            assert (shown.identities, shown.descriptions) == ((), ())
            assert await _found(scribe, DEVICE, moment) == [other]
            assert await _found(scribe, CUSTOMER, moment) == []

    async def test_a_value_erased_with_its_last_holder_is_empty_on_others_of_then(
        self, scribe: Scribe
    ) -> None:
        """It had left the record of a living profile before it was erased; it is unsaid there (ID-212)."""
        mpid, erased = await scribe.create(DEVICE, MAIL), await scribe.create(MAIL)
        await scribe.remove(mpid, MAIL)
        await scribe.erase(erased)
        await scribe.store.settle()
        again = await scribe.create(MAIL)

        [shown] = (await _past(scribe, Moment(2), mpid)).values()

        assert [r.identity for r in shown.identities] == [DEVICE, Identity(IdentityType.EMAIL, "")]
        assert await _found(scribe, MAIL, Moment(2)) == []
        assert await _found(scribe, MAIL, Moment(5)) == [again]

    async def test_an_alias_request_is_what_it_was(self, scribe: Scribe, clock: ManualClock) -> None:
        """ID-195: pending until it is settled, and not there before it was taken."""
        source, destination = await scribe.create(DEVICE), await scribe.create(MAIL)
        terms = AliasTerms(source, destination, START_MS, START_MS + 1, "device", STAMP, START_MS + 2)
        clock.advance(_SECOND_MS)
        await scribe.write(source, Change(ChangeKind.ALIAS_TAKEN, source, other=destination, terms=terms))
        clock.advance(_SECOND_MS)
        applied = Change(ChangeKind.ALIAS_APPLIED, source, other=destination, alias_seq=3)
        await scribe.write(source, applied)

        async def states(moment: Moment) -> list[list[tuple[AliasState, int | None]]]:
            shown = (await _past(scribe, moment, source, destination)).values()
            return [[(alias.state, alias.applied_ms) for alias in profile.aliases] for profile in shown]

        pending = [[(AliasState.PENDING, None)]] * 2
        assert await states(Moment(2)) == await states(Moment(4, START_MS)) == [[], []]
        assert await states(Moment(3)) == await states(Moment(4, START_MS + _SECOND_MS)) == pending
        assert await states(Moment(4)) == [[(AliasState.APPLIED, START_MS + 2 * _SECOND_MS)]] * 2

    async def test_descriptions_hold_nothing(self, scribe: Scribe) -> None:
        """ID-026: a value outside the priority finds nobody, then as now."""
        mpid = await scribe.create(DEVICE)
        await scribe.describe(mpid, NICKNAME)

        [shown] = (await _past(scribe, Moment(2), mpid)).values()

        assert [r.identity for r in shown.descriptions] == [NICKNAME]
        assert await _found(scribe, NICKNAME, Moment(2)) == []

    async def test_graphs_have_pasts_of_their_own(self, scribe: Scribe) -> None:
        """ID-002, ID-004."""
        elsewhere = Scribe(scribe.store, scribe.graph._replace(scope="elsewhere"))
        here = await scribe.create(DEVICE)
        await elsewhere.create(DEVICE)
        there = await elsewhere.create(DEVICE)

        assert await _past(elsewhere, Moment(2), here) == {}
        assert await _found(scribe, DEVICE, Moment(9)) == [here]
        assert set(await _found(elsewhere, DEVICE, Moment(9))) >= {there}
        assert await scribe.store.last_seq(scribe.graph) == 1
        assert await scribe.store.last_seq(elsewhere.graph) == 2
        assert await scribe.store.last_seq(scribe.graph._replace(scope="nowhere")) == 0

    async def test_holders_of_then_are_found_page_by_page(self, scribe: Scribe) -> None:
        """Greatest MPID first, whatever was returned or taken off since."""
        mpids = [await scribe.create(DEVICE) for _ in range(5)]
        await scribe.give_back(mpids[0])
        await scribe.remove(mpids[3], DEVICE)
        expected = sorted(mpids, reverse=True)

        whole = await _found(scribe, DEVICE, Moment(5))
        pages = [
            await scribe.store.find_profiles_at(scribe.graph, DEVICE, Moment(5), 2, before)
            for before in (None, expected[1], expected[3], expected[4])
        ]

        assert whole == expected
        assert pages == [expected[:2], expected[2:4], expected[4:], []]

    async def test_links_go_on_after_a_position(self, scribe: Scribe) -> None:
        first, second = await scribe.create(MAIL), await scribe.create(OTHER_MAIL)
        await scribe.remove(first, MAIL)
        await scribe.add(second, MAIL)

        pages = [await scribe.store.links_of(scribe.graph, MAIL, 1, after) for after in (0, 1, 4)]

        assert pages == [[Link(first, 1, 3)], [Link(second, 4, None)], []]

    @needs(Capability.BOUNDED_READS)
    async def test_a_page_of_many_holders_is_no_more_work(self, scribe: Scribe) -> None:
        """Fifty times as many cost no more than these, on either clock."""
        for identity, size in ((DEVICE, _FEW), (OTHER_DEVICE, _MANY)):
            creations = [await scribe.prepare(0, *scribe.creation(identity)) for _ in range(size)]
            await scribe.apply(*creations)
        await scribe.create(numbered(IdentityType.CUSTOMERID, 1))
        await scribe.store.settle()

        for moment in (Moment(_FEW + _MANY), Moment(_FEW + _MANY, START_MS)):
            work = []
            for identity in (DEVICE, OTHER_DEVICE):
                tries = []
                for _ in range(3):
                    with counted() as counts:
                        page = await scribe.store.find_profiles_at(scribe.graph, identity, moment, 10)
                    tries.append(counts.peak_bytes)
                assert len(page) == 10
                work.append(min(tries))

            assert work[1] <= 2 * work[0] + 8_192


async def _eventful(scribe: Scribe, clock: ManualClock) -> tuple[Mpid, Mpid]:
    source = await scribe.create(OTHER_DEVICE)
    clock.advance(_SECOND_MS)
    mpid = await scribe.create(DEVICE, CUSTOMER, source=source)
    clock.advance(_SECOND_MS)
    return source, mpid


def _steps(scribe: Scribe, source: Mpid, mpid: Mpid) -> list[Step]:
    terms = AliasTerms(source, mpid, START_MS, START_MS + 1, "device", STAMP, START_MS + 2)
    taken = Change(ChangeKind.ALIAS_TAKEN, source, other=mpid, terms=terms)
    ignored = Change(ChangeKind.ALIAS_IGNORED, source, other=mpid, alias_seq=6, reason="profile-erased")
    return [
        lambda: scribe.add(mpid, MAIL),
        lambda: scribe.describe(mpid, NICKNAME),
        lambda: scribe.give_back(mpid),
        lambda: scribe.write(source, taken),
        lambda: scribe.remove(mpid, DEVICE, MAIL),
        lambda: scribe.add(mpid, OTHER_MAIL, DEVICE),
        lambda: scribe.write(source, ignored),
        lambda: scribe.give_back(source),
        lambda: scribe.write(mpid, Change(ChangeKind.DESCRIPTION_REMOVED, mpid, NICKNAME)),
        lambda: scribe.give_back(mpid),
    ]


async def _profiles(scribe: Scribe, *mpids: Mpid) -> dict[Mpid, Profile]:
    return await scribe.store.profiles(scribe.graph, mpids)


async def _past(scribe: Scribe, moment: Moment, *mpids: Mpid) -> dict[Mpid, Profile]:
    return await scribe.store.profiles_at(scribe.graph, mpids, moment)


async def _found(scribe: Scribe, identity: Identity, moment: Moment) -> list[Mpid]:
    return await scribe.store.find_profiles_at(scribe.graph, identity, moment, 100)
