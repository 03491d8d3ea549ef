"""Holders come in the order of ID-011: the one returned or created last comes first."""

from __future__ import annotations

from idsync.model.identity import IdentityType, Mpid, type_set
from idsync.model.journal import Change, ChangeKind
from idsync.testing.scribe import Scribe, held_by
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_CUSTOMER, OTHER_DEVICE

__all__ = ["OrderChecks"]


class OrderChecks:
    """The order of candidates, and who is among them."""

    async def test_the_newest_holder_comes_first(self, scribe: Scribe) -> None:
        created = [await scribe.create(DEVICE) for _ in range(5)]

        assert await scribe.holders(DEVICE) == created[::-1]
        assert await scribe.store.find_profiles(scribe.graph, DEVICE, 10) == created[::-1]

    async def test_a_returned_profile_moves_to_the_front(self, scribe: Scribe) -> None:
        first, second, third = [await scribe.create(DEVICE) for _ in range(3)]

        await scribe.give_back(second)

        assert await scribe.holders(DEVICE) == [second, third, first]
        assert await scribe.store.find_profiles(scribe.graph, DEVICE, 10) == [second, third, first]

    async def test_being_returned_counts_for_every_value_of_the_record(self, scribe: Scribe) -> None:
        """The order is one of profiles, not one for each value."""
        older = await scribe.create(DEVICE, NICKNAME)
        newer = await scribe.create(DEVICE, NICKNAME)

        await scribe.give_back(older)

        assert await scribe.holders(DEVICE) == [older, newer]
        assert await scribe.holders(NICKNAME) == [older, newer]

    async def test_a_new_value_takes_the_order_last_recorded(self, scribe: Scribe) -> None:
        """Adding is no returning: a value that modify makes shared finds the profiles as they stood."""
        older = await scribe.create(OTHER_DEVICE)
        newer = await scribe.create(DEVICE)

        await scribe.add(older, DEVICE)

        assert await scribe.holders(DEVICE) == [newer, older]

    async def test_removing_and_adding_again_does_not_change_the_order(self, scribe: Scribe) -> None:
        older, newer = await scribe.create(DEVICE), await scribe.create(DEVICE)

        await scribe.remove(older, DEVICE)
        gone = await scribe.holders(DEVICE)
        await scribe.add(older, DEVICE)

        assert gone == [newer]
        assert await scribe.holders(DEVICE) == [newer, older]

    async def test_known_and_anonymous_holders_are_told_apart(self, scribe: Scribe) -> None:
        """ID-008, each in the order of ID-011."""
        known = [await scribe.create(DEVICE, CUSTOMER), await scribe.create(DEVICE, OTHER_CUSTOMER)]
        anonymous = [await scribe.create(DEVICE), await scribe.create(DEVICE, NICKNAME)]
        await scribe.give_back(known[0])

        holders = (await scribe.look(DEVICE)).holders(DEVICE)

        assert holders is not None
        assert list(holders.known.newest_first()) == known
        assert list(holders.anonymous.newest_first()) == anonymous[::-1]
        assert (len(holders.known), len(holders.anonymous)) == (2, 2)
        assert all(mpid in holders.known and mpid not in holders.anonymous for mpid in known)
        assert all(mpid in holders.anonymous and mpid not in holders.known for mpid in anonymous)

    async def test_a_profile_changes_sides_when_it_becomes_known_or_anonymous(self, scribe: Scribe) -> None:
        """The state follows from the record as it is now (ID-008, ID-161)."""
        mpid = await scribe.create(DEVICE)
        await scribe.add(mpid, CUSTOMER)
        known = await self._sides(scribe)
        await scribe.add(mpid, MAIL)
        await scribe.remove(mpid, CUSTOMER)
        still_known = await self._sides(scribe)
        await scribe.remove(mpid, MAIL)

        assert known == ([mpid], [])
        assert still_known == ([mpid], [])
        assert await self._sides(scribe) == ([], [mpid])

    async def test_one_value_of_a_type_less_is_not_the_type_less(self, scribe: Scribe) -> None:
        """Known is who still has another value of a login type (ID-008, ID-161)."""
        mpid = await scribe.create(DEVICE, CUSTOMER, OTHER_CUSTOMER)
        await scribe.remove(mpid, CUSTOMER)
        still_known = await self._sides(scribe)
        await scribe.remove(mpid, OTHER_CUSTOMER)

        assert still_known == ([mpid], [])
        assert await self._sides(scribe) == ([], [mpid])

    async def test_a_description_makes_nobody_known(self, scribe: Scribe) -> None:
        """What is kept beside the record has no part in the state (ID-008, ID-026)."""
        mpid = await scribe.create(DEVICE, NICKNAME)
        await scribe.describe(mpid, MAIL)
        described = await self._sides(scribe)
        await scribe.remove(mpid, NICKNAME)

        assert described == ([], [mpid])
        assert await self._sides(scribe) == ([], [mpid])

    async def test_which_types_make_known_is_said_by_the_look(self, scribe: Scribe) -> None:
        """A new configuration does not rewrite records, and holds for the next call (ID-039)."""
        mpid = await scribe.create(DEVICE, NICKNAME)
        changed = Scribe(scribe.store, scribe.graph, type_set([IdentityType.OTHER]))

        assert await self._sides(scribe) == ([], [mpid])
        assert await self._sides(changed) == ([mpid], [])

    async def test_holding_is_not_describing(self, scribe: Scribe) -> None:
        """Descriptive identities are neither looked up nor on the record (ID-026)."""
        holder, described = await scribe.create(NICKNAME), await scribe.create(DEVICE)
        await scribe.describe(described, NICKNAME)

        holders = (await scribe.look(NICKNAME)).holders(NICKNAME)

        assert holders is not None
        assert held_by(holders) == [holder]
        assert (holders.has(holder), holders.has(described)) == (True, False)
        assert (holders.describes(holder), holders.describes(described)) == (False, True)
        assert await scribe.store.find_profiles(scribe.graph, NICKNAME, 10) == [holder]

    async def test_a_description_ends_without_its_value_leaving_the_record(self, scribe: Scribe) -> None:
        """Also where both are of one value: a type may have been outside the priority once (ID-026)."""
        mpid = await scribe.create(DEVICE, NICKNAME)
        await scribe.describe(mpid, NICKNAME)
        await scribe.write(mpid, Change(ChangeKind.DESCRIPTION_REMOVED, mpid, NICKNAME))

        view = await scribe.look(NICKNAME, profiles=[mpid])
        holders, profile = view.holders(NICKNAME), view.profile(mpid)

        assert holders is not None
        assert profile is not None
        assert (holders.has(mpid), holders.describes(mpid)) == (True, False)
        assert (list(profile.record()), list(profile.descriptions())) == ([DEVICE, NICKNAME], [])

    async def test_a_profile_is_overtaken_when_one_it_shares_a_value_with_is_newer(
        self, scribe: Scribe
    ) -> None:
        """Only then must its return be recorded: a repeated call writes nothing (ID-011)."""
        first = await scribe.create(DEVICE)
        alone = await self._overtaken(scribe, first)
        second = await scribe.create(DEVICE, NICKNAME)
        await scribe.create(OTHER_DEVICE)

        assert not alone
        assert await self._overtaken(scribe, first)
        assert not await self._overtaken(scribe, second)
        await scribe.give_back(first)
        assert not await self._overtaken(scribe, first)
        assert await self._overtaken(scribe, second)

    async def test_who_shares_nothing_with_somebody_newer_any_more_is_not_overtaken(
        self, scribe: Scribe
    ) -> None:
        """Its return would change no order, and be written for nothing (ID-011)."""
        first, second = await scribe.create(DEVICE), await scribe.create(DEVICE, NICKNAME)
        before = await self._overtaken(scribe, first)
        await scribe.remove(second, DEVICE)
        once_removed = await self._overtaken(scribe, first)
        third = await scribe.create(DEVICE)
        again = await self._overtaken(scribe, first)
        await scribe.erase(third)

        assert (before, once_removed, again) == (True, False, True)
        assert not await self._overtaken(scribe, first)

    async def test_a_record_lists_the_oldest_value_first(self, scribe: Scribe) -> None:
        """ID-074 drops the one that was added first; adding again makes a value the newest."""
        mpid = await scribe.create(NICKNAME, DEVICE)
        await scribe.add(mpid, MAIL, OTHER_DEVICE)
        await scribe.remove(mpid, NICKNAME)
        await scribe.add(mpid, NICKNAME)

        view = (await scribe.look(profiles=[mpid])).profile(mpid)
        shown = (await scribe.store.profiles(scribe.graph, [mpid]))[mpid]

        assert view is not None
        assert view.record() == {DEVICE: 1, MAIL: 2, OTHER_DEVICE: 2, NICKNAME: 4}
        assert list(view.record()) == [DEVICE, MAIL, OTHER_DEVICE, NICKNAME]
        assert [recorded.identity for recorded in shown.identities] == list(view.record())

    async def test_a_view_shows_holders_and_profiles_asked_for(self, scribe: Scribe) -> None:
        """Nobody else needs to be looked up to decide, and an unknown name is no error."""
        holder, named = await scribe.create(DEVICE), await scribe.create(MAIL)
        await scribe.describe(named, NICKNAME)

        view = await scribe.look(DEVICE, OTHER_DEVICE, profiles=[named, 12_345])
        holder_view, named_view = view.profile(holder), view.profile(named)

        assert holder_view is not None
        assert named_view is not None
        assert (holder_view.mpid, holder_view.types) == (holder, DEVICE.type.bit)
        assert (named_view.types, list(named_view.descriptions())) == (MAIL.type.bit, [NICKNAME])
        assert view.profile(12_345) is None
        assert view.holders(OTHER_DEVICE) is None

    async def _sides(self, scribe: Scribe) -> tuple[list[Mpid], list[Mpid]]:
        holders = (await scribe.look(DEVICE)).holders(DEVICE)
        assert holders is not None
        return list(holders.known.newest_first()), list(holders.anonymous.newest_first())

    async def _overtaken(self, scribe: Scribe, mpid: Mpid) -> bool:
        view = (await scribe.look(profiles=[mpid])).profile(mpid)
        assert view is not None
        return view.overtaken
