"""A commit rests on conditions: versions, and absence as much as presence (ID-041)."""

from __future__ import annotations

import asyncio

import pytest

from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import NEW, Change, ChangeKind
from idsync.model.view import ViewRequest
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import (
    CUSTOMER,
    DEVICE,
    MAIL,
    NICKNAME,
    OTHER_DEVICE,
    OTHER_MAIL,
    numbered,
)

__all__ = ["CommitChecks"]


class CommitChecks:
    """What makes a change set stale, and what does not."""

    async def test_of_two_creations_of_one_identity_one_is_stale(self, scribe: Scribe) -> None:
        """Absence is a condition: two first contacts of one device yield one profile (ID-041)."""
        first = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])
        second = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])

        results = await scribe.apply(first, second)

        assert [type(result) for result in results] == [Applied, Stale]
        assert len(await scribe.holders(DEVICE)) == 1

    async def test_of_many_simultaneous_creations_one_holds(self, scribe: Scribe) -> None:
        """Also when each comes in a call of its own."""
        creations = [
            await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE]) for _ in range(8)
        ]

        results = await asyncio.gather(*(scribe.apply(creation) for creation in creations))

        kinds = [type(result) for [result] in results]
        assert kinds.count(Applied) == 1
        assert kinds.count(Stale) == 7

    async def test_absence_is_over_once_somebody_holds_the_identity(self, scribe: Scribe) -> None:
        late = await scribe.prepare(NEW, *scribe.creation(MAIL), identities=[DEVICE])
        await scribe.create(DEVICE)

        assert await scribe.apply(late) == [Stale()]

    async def test_absence_is_over_however_much_came_after(self, scribe: Scribe) -> None:
        """A store need not have at hand what it wrote some time ago, but it must know of it (ID-041)."""
        late = await scribe.prepare(NEW, *scribe.creation(OTHER_DEVICE), identities=[MAIL])
        await scribe.create(MAIL)
        await _crowd(scribe)

        assert await scribe.apply(late) == [Stale()]

    async def test_a_value_is_one_identity_however_much_came_after(self, scribe: Scribe) -> None:
        """A write that names it leads to those who hold it already."""
        mpid = await scribe.create(MAIL)
        late = await scribe.prepare(NEW, *scribe.creation(MAIL))
        await _crowd(scribe)

        [applied] = await scribe.apply(late)

        assert isinstance(applied, Applied)
        assert await scribe.holders(MAIL) == [applied.mpid, mpid]

    async def test_a_new_holder_makes_the_identity_stale(self, scribe: Scribe) -> None:
        """Whoever decided by the holders of a shared value must look again."""
        mpid = await scribe.create(DEVICE)
        late = await scribe.prepare(mpid, _added(mpid, MAIL), identities=[DEVICE])
        await scribe.create(DEVICE)

        assert await scribe.apply(late) == [Stale()]

    async def test_a_lost_holder_makes_the_identity_stale(self, scribe: Scribe) -> None:
        mpid = await scribe.create(DEVICE, MAIL)
        late = await scribe.prepare(NEW, *scribe.creation(OTHER_DEVICE), identities=[MAIL])
        await scribe.remove(mpid, MAIL)

        assert await scribe.apply(late) == [Stale()]

    async def test_a_changed_profile_is_stale(self, scribe: Scribe) -> None:
        """The profile's own version is a condition, beside those of the identities."""
        mpid = await scribe.create(DEVICE)
        late = await scribe.prepare(mpid, _added(mpid, MAIL), identities=[MAIL], profiles=[mpid])
        await scribe.add(mpid, OTHER_MAIL)

        assert await scribe.apply(late) == [Stale()]

    @pytest.mark.parametrize(
        "kind",
        [
            ChangeKind.RETURNED,
            ChangeKind.ACTIVE,
            ChangeKind.PROFILE_ERASED,
        ],
    )
    async def test_any_change_of_a_profile_makes_it_stale(self, scribe: Scribe, kind: ChangeKind) -> None:
        mpid = await scribe.create(DEVICE)
        late = await scribe.prepare(mpid, _added(mpid, MAIL), profiles=[mpid])
        await scribe.write(mpid, Change(kind, mpid))

        assert await scribe.apply(late) == [Stale()]

    async def test_descriptions_count_as_changes_of_the_profile(self, scribe: Scribe) -> None:
        """ID-026: what is only kept with the profile may not be kept twice either."""
        mpid = await scribe.create(DEVICE)
        late = await scribe.prepare(
            mpid, Change(ChangeKind.DESCRIPTION_ADDED, mpid, NICKNAME), identities=[NICKNAME], profiles=[mpid]
        )
        await scribe.describe(mpid, NICKNAME)

        assert await scribe.apply(late) == [Stale()]

    async def test_a_changed_order_makes_every_identity_of_the_record_stale(self, scribe: Scribe) -> None:
        """Who is newest decides between candidates (ID-065), so the order is part of what was seen."""
        older = await scribe.create(DEVICE, NICKNAME)
        await scribe.create(DEVICE)
        by_device = await scribe.prepare(NEW, *scribe.creation(MAIL), identities=[DEVICE])
        by_name = await scribe.prepare(NEW, *scribe.creation(MAIL), identities=[NICKNAME])
        await scribe.give_back(older)

        assert await scribe.apply(by_device) == [Stale()]
        assert await scribe.apply(by_name) == [Stale()]

    async def test_becoming_known_makes_every_identity_of_the_record_stale(self, scribe: Scribe) -> None:
        """A known profile is protected (ID-050): its device finds it no longer."""
        mpid = await scribe.create(DEVICE)
        late = await scribe.prepare(NEW, *scribe.creation(OTHER_DEVICE), identities=[DEVICE])
        await scribe.add(mpid, CUSTOMER)

        assert await scribe.apply(late) == [Stale()]

    async def test_becoming_anonymous_makes_every_identity_of_the_record_stale(self, scribe: Scribe) -> None:
        """ID-161: its device finds it again."""
        mpid = await scribe.create(DEVICE, CUSTOMER)
        late = await scribe.prepare(NEW, *scribe.creation(OTHER_DEVICE), identities=[DEVICE])
        await scribe.remove(mpid, CUSTOMER)

        assert await scribe.apply(late) == [Stale()]

    async def test_erasure_makes_every_identity_of_the_record_stale(self, scribe: Scribe) -> None:
        """ID-212, for a value that others still hold and for one that nobody does."""
        mpid = await scribe.create(DEVICE, MAIL)
        await scribe.create(DEVICE)
        by_device = await scribe.prepare(NEW, *scribe.creation(OTHER_DEVICE), identities=[DEVICE])
        by_mail = await scribe.prepare(NEW, *scribe.creation(OTHER_DEVICE), identities=[MAIL])
        await scribe.erase(mpid)

        assert await scribe.apply(by_device) == [Stale()]
        assert await scribe.apply(by_mail) == [Stale()]

    async def test_having_been_overtaken_since_makes_a_return_stale(self, scribe: Scribe) -> None:
        """A return that writes nothing rests on nobody being newer, by whatever value they share (ID-011)."""
        mpid = await scribe.create(DEVICE, NICKNAME)
        in_front = await scribe.prepare(mpid, identities=[DEVICE], profiles=[mpid], overtaken=False)
        await scribe.create(NICKNAME)
        behind = await scribe.prepare(mpid, identities=[DEVICE], profiles=[mpid], overtaken=True)

        results = await scribe.apply(in_front, behind)

        assert [type(result) for result in results] == [Stale, Applied]

    async def test_being_in_front_again_makes_a_return_stale(self, scribe: Scribe) -> None:
        """It must not be recorded when nothing changes by it."""
        mpid, other = await scribe.create(DEVICE, NICKNAME), await scribe.create(NICKNAME)
        late = await scribe.prepare(
            mpid, Change(ChangeKind.RETURNED, mpid), identities=[DEVICE], profiles=[mpid], overtaken=True
        )
        await scribe.remove(other, NICKNAME)

        assert await scribe.apply(late) == [Stale()]

    async def test_an_idempotency_key_is_used_once(self, scribe: Scribe) -> None:
        """Also by two sendings that saw nothing of each other; by another input it is another key."""
        first, second, other = [
            await scribe.prepare(NEW, *scribe.creation(), input_id=input_id, idempotency_key="once")
            for input_id in ("shop/web", "shop/web", "shop/app")
        ]

        results = await scribe.apply(first, second, other)
        await scribe.store.settle()
        late = await scribe.apply(second)

        assert [type(result) for result in results] == [Applied, Stale, Applied]
        assert late == [Stale()]

    async def test_what_was_not_touched_is_not_stale(self, scribe: Scribe) -> None:
        """Calls that share nothing do not disturb each other."""
        mpid = await scribe.create(DEVICE)
        late = await scribe.prepare(mpid, _added(mpid, MAIL), identities=[DEVICE, MAIL], profiles=[mpid])
        await scribe.create(OTHER_DEVICE)

        [result] = await scribe.apply(late)

        assert isinstance(result, Applied)
        assert result.seq == 3
        assert await scribe.holders(MAIL) == [mpid]

    async def test_a_description_does_not_share_the_order_of_its_profile(self, scribe: Scribe) -> None:
        """Nobody is found by it (ID-026), so whoever holds its value rests on nothing that happened."""
        mpid = await scribe.create(DEVICE)
        await scribe.describe(mpid, NICKNAME)
        late = await scribe.prepare(NEW, *scribe.creation(NICKNAME), identities=[NICKNAME])
        await scribe.give_back(mpid)

        assert [type(result) for result in await scribe.apply(late)] == [Applied]

    async def test_an_empty_change_set_writes_nothing_and_still_has_conditions(self, scribe: Scribe) -> None:
        """An answer that changes nothing must rest on something that still holds as well."""
        mpid = await scribe.create(DEVICE)
        seen = await scribe.prepare(mpid, identities=[DEVICE], profiles=[mpid])
        later = await scribe.prepare(mpid, identities=[DEVICE], profiles=[mpid])

        [held] = await scribe.apply(seen)
        await scribe.add(mpid, MAIL)

        assert isinstance(held, Applied)
        assert (held.mpid, held.seq) == (mpid, 0)
        assert await scribe.apply(later) == [Stale()]
        assert len(await scribe.journal()) == 2

    async def test_a_stale_change_set_leaves_no_trace(self, scribe: Scribe) -> None:
        """All of it or nothing: the part whose conditions held is not written either (ID-041)."""
        mpid = await scribe.create(DEVICE)
        late = await scribe.prepare(
            mpid, _added(mpid, MAIL), Change(ChangeKind.RETURNED, mpid), identities=[DEVICE, MAIL]
        )
        await scribe.create(DEVICE)
        before = (await scribe.store.profiles(scribe.graph, [mpid]), await scribe.journal())

        await scribe.apply(late)

        assert (await scribe.store.profiles(scribe.graph, [mpid]), await scribe.journal()) == before
        assert (await scribe.look(MAIL)).holders(MAIL) is None

    async def test_neighbours_of_a_stale_change_set_are_not_affected(self, scribe: Scribe) -> None:
        late = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])
        others = [
            await scribe.prepare(NEW, *scribe.creation(identity), identities=[identity])
            for identity in (MAIL, OTHER_DEVICE)
        ]
        await scribe.create(DEVICE)

        results = await scribe.apply(others[0], late, others[1])

        assert [type(result) for result in results] == [Applied, Stale, Applied]

    async def test_in_order_gives_up_all_that_follow_a_stale_one(self, scribe: Scribe) -> None:
        """A batch is answered in order, so nothing may overtake the call that must look again."""
        first, late, last = [
            await scribe.prepare(NEW, *scribe.creation(identity), identities=[identity])
            for identity in (MAIL, DEVICE, OTHER_DEVICE)
        ]
        await scribe.create(DEVICE)

        results = await scribe.apply(first, late, last, in_order=True)

        assert [type(result) for result in results] == [Applied, Stale, Stale]
        assert await scribe.holders(OTHER_DEVICE) == []

    async def test_a_change_set_sees_the_conditions_broken_by_its_predecessor(self, scribe: Scribe) -> None:
        """Within one call of apply they come one after another."""
        mpid = await scribe.create(DEVICE)
        first, second = [
            await scribe.prepare(mpid, _added(mpid, identity), identities=[identity], profiles=[mpid])
            for identity in (MAIL, OTHER_MAIL)
        ]

        results = await scribe.apply(first, second)

        assert [type(result) for result in results] == [Applied, Stale]

    async def test_what_was_applied_is_visible_at_once(self, scribe: Scribe) -> None:
        """Before it is durable: whoever looks next decides by it, and waits for it."""
        creation = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])

        [result] = await scribe.store.apply([creation])
        seen = await scribe.holders(DEVICE)

        assert isinstance(result, Applied)
        assert seen == [result.mpid]
        if result.durable is not None:
            await result.durable

    async def test_an_empty_change_set_vouches_for_what_was_seen(self, scribe: Scribe) -> None:
        """Whoever saw a write that is not on disk yet waits for it as well (acknowledged means durable)."""
        creation = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])
        [created] = await scribe.store.apply([creation])
        assert isinstance(created, Applied)
        repeated = await scribe.prepare(created.mpid, identities=[DEVICE], profiles=[created.mpid])

        [seen] = await scribe.store.apply([repeated])
        assert isinstance(seen, Applied)
        if seen.durable is not None:
            await seen.durable

        assert [entry.mpid for entry in await scribe.journal()] == [created.mpid]

    @pytest.mark.parametrize("by", ["identity", "name"])
    async def test_an_empty_change_set_vouches_for_what_is_gone(self, scribe: Scribe, by: str) -> None:
        """Whoever is told that there is nobody waits until that is on disk: it may come back before."""
        mpid = await scribe.create(DEVICE)
        [erased] = await scribe.store.apply(
            [await scribe.prepare(mpid, Change(ChangeKind.PROFILE_ERASED, mpid))]
        )
        view = await (scribe.look(DEVICE) if by == "identity" else scribe.look(profiles=[mpid]))

        [seen] = await scribe.store.apply([ChangeSet(scribe.graph, NEW, view)])
        assert isinstance(erased, Applied)
        assert isinstance(seen, Applied)
        if seen.durable is not None:
            await seen.durable

        assert view.profile(mpid) is None
        assert erased.durable is None or asyncio.ensure_future(erased.durable).done()

    async def test_an_empty_change_set_vouches_for_the_earlier_sending(self, scribe: Scribe) -> None:
        """ID-042: whoever repeats a call that is not on disk yet is answered when it is."""
        creation = await scribe.prepare(
            NEW, *scribe.creation(DEVICE), input_id="shop/web", idempotency_key="once"
        )
        [created] = await scribe.store.apply([creation])
        wanted = ViewRequest(scribe.graph, scribe.login, (), input_id="shop/web", idempotency_key="once")
        [view] = await scribe.store.read_views([wanted])

        [seen] = await scribe.store.apply([ChangeSet(scribe.graph, NEW, view)])
        assert isinstance(created, Applied)
        assert isinstance(seen, Applied)
        if seen.durable is not None:
            await seen.durable

        assert view.earlier is not None
        assert created.durable is None or asyncio.ensure_future(created.durable).done()

    async def test_calls_are_answered_one_for_one(self, scribe: Scribe) -> None:
        assert await scribe.store.apply([]) == []
        assert await scribe.store.read_views([]) == []


def _added(mpid: Mpid, identity: Identity) -> Change:
    return Change(ChangeKind.IDENTITY_ADDED, mpid, identity)


async def _crowd(scribe: Scribe) -> None:
    """Write and read so much else that a small store drops what it had at hand."""
    others = [numbered(IdentityType.OTHER, number) for number in range(12)]
    for other in others:
        await scribe.create(other)
    await scribe.store.settle()
    for other in others * 2:
        await scribe.holders(other)
