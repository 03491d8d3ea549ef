"""An erased profile is gone at once, and so is every value that nobody else holds (ID-212, ID-213)."""

from __future__ import annotations

from idsync.model.identity import Identity, IdentityType
from idsync.model.journal import JournalEntry
from idsync.testing.scribe import Scribe, held_by
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE

__all__ = ["ErasureChecks"]


class ErasureChecks:
    """The end of a profile."""

    async def test_an_erased_profile_is_in_no_view(self, scribe: Scribe) -> None:
        """ID-052: neither by its identities nor by its name."""
        mpid, other = await scribe.create(DEVICE, CUSTOMER), await scribe.create(DEVICE)
        await scribe.describe(mpid, NICKNAME)

        await scribe.erase(mpid)
        view = await scribe.look(DEVICE, CUSTOMER, NICKNAME, profiles=[mpid])
        described = view.holders(NICKNAME)

        assert view.profile(mpid) is None
        assert held_by(view.holders(DEVICE)) == [other]
        assert held_by(view.holders(CUSTOMER)) == []
        assert described is None or not described.describes(mpid)
        assert await scribe.store.find_profiles(scribe.graph, DEVICE, 10) == [other]
        assert await scribe.store.find_profiles(scribe.graph, CUSTOMER, 10) == []

    async def test_inspection_still_shows_that_there_was_one(self, scribe: Scribe) -> None:
        """Erased or not is part of inspection (ID-250); what the person was known by is not."""
        source = await scribe.create(DEVICE)
        mpid = await scribe.create(CUSTOMER, source=source)
        await scribe.describe(mpid, NICKNAME)

        await scribe.erase(mpid)
        shown = (await scribe.store.profiles(scribe.graph, [mpid]))[mpid]

        assert shown.erased
        assert (shown.identities, shown.descriptions) == ((), ())
        assert (shown.source, shown.created_seq) == (source, 2)
        assert await scribe.store.graph_of([mpid]) == {mpid: scribe.graph}
        assert not (await scribe.store.profiles(scribe.graph, [source]))[source].erased

    async def test_values_that_nobody_holds_are_gone_from_the_journal(self, scribe: Scribe) -> None:
        """The history stays honest about what happened, and forgets who it was (design, section 3)."""
        mpid = await scribe.create(DEVICE, CUSTOMER)
        await scribe.add(mpid, MAIL)
        await scribe.create(DEVICE)

        await scribe.erase(mpid)
        await scribe.store.settle()
        entries = await scribe.journal()

        assert _named(entries[0]) == [DEVICE, _emptied(CUSTOMER)]
        assert _named(entries[1]) == [_emptied(MAIL)]
        assert _named(entries[2]) == [DEVICE]
        assert (await scribe.store.entries_at(scribe.graph, [1]))[1] == entries[0]
        assert (await scribe.store.entries(scribe.graph, 0, 1, mpid)) == entries[:1]

    async def test_a_value_only_described_by_another_is_kept(self, scribe: Scribe) -> None:
        """Whoever holds it in either way is a living profile that it belongs to."""
        mpid, other = await scribe.create(NICKNAME), await scribe.create(DEVICE)
        await scribe.describe(other, NICKNAME)

        await scribe.erase(mpid)
        await scribe.store.settle()
        shown = (await scribe.store.profiles(scribe.graph, [other]))[other]

        assert [recorded.identity for recorded in shown.descriptions] == [NICKNAME]
        assert _named((await scribe.journal())[0]) == [NICKNAME]

    async def test_the_last_holder_takes_a_shared_value_with_it(self, scribe: Scribe) -> None:
        first, second = await scribe.create(DEVICE), await scribe.create(DEVICE)

        await scribe.erase(first)
        await scribe.store.settle()
        kept = _named((await scribe.journal())[0])
        await scribe.erase(second)
        await scribe.store.settle()

        assert kept == [DEVICE]
        assert [_named(entry) for entry in (await scribe.journal())[:2]] == [[_emptied(DEVICE)]] * 2

    async def test_the_same_value_later_is_another_identity(self, scribe: Scribe) -> None:
        """New data is accepted and leads to a new profile; nothing ties it to the old one (ID-213)."""
        mpid = await scribe.create(DEVICE, CUSTOMER)
        await scribe.erase(mpid)
        await scribe.store.settle()

        again = await scribe.create(DEVICE)
        links = await scribe.store.links_of(scribe.graph, DEVICE, 10)

        assert again != mpid
        assert await scribe.holders(DEVICE) == [again]
        assert [(link.mpid, link.since_seq, link.until_seq) for link in links] == [(again, 3, None)]
        assert _named((await scribe.journal())[0]) == [_emptied(DEVICE), _emptied(CUSTOMER)]

    async def test_a_value_that_comes_back_at_once_is_another_identity(self, scribe: Scribe) -> None:
        """Before anything was settled."""
        mpid = await scribe.create(DEVICE)
        await scribe.erase(mpid)
        again = await scribe.create(DEVICE)
        await scribe.store.settle()

        assert await scribe.holders(DEVICE) == [again]
        assert [_named(entry) for entry in await scribe.journal()] == [[_emptied(DEVICE)], [], [DEVICE]]

    async def test_the_past_of_a_value_that_lives_on_is_kept(self, scribe: Scribe) -> None:
        mpid, other = await scribe.create(DEVICE), await scribe.create(DEVICE)

        await scribe.erase(mpid)
        links = await scribe.store.links_of(scribe.graph, DEVICE, 10)

        assert [(link.mpid, link.until_seq) for link in links] == [(mpid, 3), (other, None)]

    async def test_erasing_one_profile_leaves_its_neighbours_as_they_were(self, scribe: Scribe) -> None:
        mpid, other = await scribe.create(DEVICE, MAIL), await scribe.create(DEVICE, OTHER_DEVICE)
        before = await scribe.store.profiles(scribe.graph, [other])

        await scribe.erase(mpid)

        assert await scribe.store.profiles(scribe.graph, [other]) == before


def _named(entry: JournalEntry) -> list[Identity]:
    return [change.identity for change in entry.changes if change.identity is not None]


def _emptied(identity: Identity) -> Identity:
    return Identity(IdentityType(identity.type), "")
