"""Forgetting somebody altogether (ID-212): past values, texts of callers, and the chain that stays whole."""

from __future__ import annotations

from idsync.model.aliasing import AliasTerms
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import Change, ChangeKind
from idsync.testing.capability import Capability, OpenStore, needs
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import (
    CUSTOMER,
    DEVICE,
    MAIL,
    NICKNAME,
    OTHER_DEVICE,
    OTHER_MAIL,
    STAMP,
)

__all__ = ["ForgettingChecks"]


class ForgettingChecks:
    """What `traces` collects, and what an entry that erases values does."""

    async def test_traces_are_all_that_is_kept(self, scribe: Scribe) -> None:
        mpid = await scribe.create(MAIL, DEVICE, request_id="r-1")
        await scribe.remove(mpid, MAIL)
        await scribe.add(mpid, OTHER_MAIL)
        await scribe.describe(mpid, NICKNAME)
        other = await scribe.create(DEVICE)

        traces = await scribe.store.traces(scribe.graph, [mpid])

        assert [
            (link.identity, link.descriptive, link.since_seq, link.until_seq) for link in traces.links
        ] == [
            (MAIL, False, 1, 2),
            (DEVICE, False, 1, None),
            (OTHER_MAIL, False, 3, None),
            (NICKNAME, True, 4, None),
        ]
        assert {(value.identity, value.others) for value in traces.values} == {
            (MAIL, 0),
            (DEVICE, 1),
            (OTHER_MAIL, 0),
            (NICKNAME, 0),
        }
        assert list(traces.versions) == [mpid] != [other]
        assert (traces.entries, traces.texts) == (4, 1)

    async def test_traces_of_several_count_what_outlives_them_all(self, scribe: Scribe) -> None:
        first, second, third = [await scribe.create(DEVICE) for _ in range(3)]

        of_two = await scribe.store.traces(scribe.graph, [first, second])
        of_all = await scribe.store.traces(scribe.graph, [first, second, third])

        assert [(value.identity, value.others, value.stays) for value in of_two.values] == [(DEVICE, 1, True)]
        assert [value.stays for value in of_all.values] == [False]

    async def test_versions_are_those_that_a_look_shows(self, scribe: Scribe) -> None:
        """A write may rest on them."""
        mpid = await scribe.create(MAIL, DEVICE)
        await scribe.create(DEVICE)

        traces = await scribe.store.traces(scribe.graph, [mpid])
        view = await scribe.look(MAIL, DEVICE, profiles=[mpid])
        profile = view.profile(mpid)

        assert profile is not None
        assert traces.versions == {mpid: profile.version}
        for value in traces.values:
            holders = view.holders(value.identity)
            assert holders is not None
            assert holders.version == value.version

    async def test_traces_of_a_stamp(self, scribe: Scribe) -> None:
        """It is in no link; a request between others that names it keeps it."""
        first, second, third = [await scribe.create(DEVICE) for _ in range(3)]
        await _alias(scribe, first, second)

        needed = await scribe.store.traces(scribe.graph, [first])
        await _alias(scribe, second, third)
        kept = await scribe.store.traces(scribe.graph, [first])
        of_all = await scribe.store.traces(scribe.graph, [first, second])

        assert {v.identity: v.stays for v in needed.values} == {DEVICE: True, STAMP: False}
        assert {v.identity: v.stays for v in kept.values} == {DEVICE: True, STAMP: True}
        assert {v.identity: v.stays for v in of_all.values} == {DEVICE: True, STAMP: False}
        assert len(of_all.aliases) == 2

    async def test_traces_of_nobody(self, scribe: Scribe) -> None:
        mpid = await scribe.create(DEVICE)
        elsewhere = scribe.graph._replace(scope="elsewhere")

        for graph, mpids in ((elsewhere, [mpid]), (scribe.graph, [mpid + 1]), (scribe.graph, [])):
            traces = await scribe.store.traces(graph, mpids)
            assert (traces.versions, traces.links, traces.values, traces.entries) == ({}, (), (), 0)

    async def test_a_past_value_is_erased_by_name(self, scribe: Scribe) -> None:
        mpid = await scribe.create(MAIL, CUSTOMER)
        await scribe.remove(mpid, MAIL)

        await _forget(scribe, mpid, MAIL, CUSTOMER)
        await scribe.store.settle()

        named = [
            change.identity for entry in await scribe.journal() for change in entry.changes if change.identity
        ]
        assert named
        assert {identity.value for identity in named} == {""}
        assert (await scribe.store.traces(scribe.graph, [mpid])).values == ()
        assert await scribe.store.links_of(scribe.graph, MAIL, 10) == []

    async def test_a_past_value_may_begin_a_new_life(self, scribe: Scribe) -> None:
        """ID-213, at once and once it is folded."""
        mpid = await scribe.create(MAIL, DEVICE)
        await scribe.remove(mpid, MAIL)
        await _forget(scribe, mpid, MAIL, DEVICE)

        again = await scribe.create(MAIL)
        at_once = await scribe.holders(MAIL)
        await scribe.store.settle()

        assert at_once == await scribe.holders(MAIL) == [again]
        assert [link.mpid for link in await scribe.store.links_of(scribe.graph, MAIL, 10)] == [again]

    async def test_a_value_that_others_hold_cannot_be_erased(self, scribe: Scribe) -> None:
        """Whatever an entry says: a living profile never loses a value by it."""
        mpid, other = await scribe.create(DEVICE), await scribe.create(DEVICE)

        await _forget(scribe, mpid, DEVICE)
        await scribe.store.settle()

        assert await scribe.holders(DEVICE) == [other]

    async def test_several_go_in_one_entry(self, scribe: Scribe) -> None:
        """One of them an orphan that nothing but the entry tells of."""
        first, second, orphan = (
            await scribe.create(DEVICE),
            await scribe.create(DEVICE),
            await scribe.create(),
        )
        changes = [Change(ChangeKind.PROFILE_ERASED, mpid) for mpid in (first, second, orphan)]

        seq = (await scribe.write(first, *changes)).seq

        for mpid in (first, second, orphan):
            assert (await scribe.store.profiles(scribe.graph, [mpid]))[mpid].erased
            assert (await scribe.store.entries(scribe.graph, 0, 10, mpid))[-1].seq == seq
        assert await scribe.holders(DEVICE) == []

    async def test_waiting_alias_requests_are_settled_by_it(self, scribe: Scribe) -> None:
        first, second, third = [await scribe.create(OTHER_DEVICE) for _ in range(3)]
        taken = [await _alias(scribe, first, second), await _alias(scribe, third, first)]
        pairs = ((first, second), (third, first))

        await scribe.write(
            first,
            Change(ChangeKind.PROFILE_ERASED, first),
            *(
                Change(ChangeKind.ALIAS_IGNORED, source, other=to, alias_seq=seq, reason="profile-erased")
                for seq, (source, to) in zip(taken, pairs, strict=True)
            ),
        )

        shown = (await scribe.store.profiles(scribe.graph, [first]))[first]
        assert [record.ignored_reason for record in shown.aliases] == ["profile-erased"] * 2
        assert await scribe.store.pending_aliases(1 << 60, 10) == []

    async def test_texts_of_callers_go_from_the_entries_about_it(self, scribe: Scribe) -> None:
        """Others keep theirs; an idempotency key that is gone is new again."""
        mpid = await scribe.create(DEVICE, request_id="r-1", input_id="shop/web", idempotency_key="k-1")
        await scribe.create(MAIL, request_id="r-2", input_id="shop/web", idempotency_key="k-2")
        await scribe.write(
            mpid, Change(ChangeKind.PROFILE_ERASED, mpid), request_id="case-1", idempotency_key="id-1"
        )
        await scribe.store.settle()

        entries = await scribe.journal()

        assert [(entry.request_id, entry.idempotency_key) for entry in entries] == [
            ("", None),
            ("r-2", "k-2"),
            ("case-1", "id-1"),
        ]
        assert await scribe.store.entries_of_request(scribe.graph, "r-1", 10) == []
        assert await scribe.earlier("shop/web", "k-1") is None
        assert await scribe.earlier("shop/web", "k-2") == entries[1]

    async def test_links_of_the_chain_stay_when_values_and_texts_go(self, scribe: Scribe) -> None:
        mpid = await scribe.create(DEVICE, MAIL, request_id="r-1")
        await scribe.create(DEVICE, request_id="r-2")
        before = [await scribe.store.link_at(scribe.graph, seq) for seq in (1, 2)]

        await _forget(scribe, mpid, MAIL)
        await scribe.store.settle()

        assert [await scribe.store.link_at(scribe.graph, seq) for seq in (1, 2)] == before
        assert len({*before, await scribe.store.link_at(scribe.graph, 3)}) == 3

    async def test_texts_that_go_before_they_are_sealed(self, scribe: Scribe) -> None:
        """Where sealing comes later than writing."""
        mpid = await scribe.create(DEVICE, request_id="r-1")
        await _forget(scribe, mpid, DEVICE)

        await scribe.store.seal()
        links = [await scribe.store.link_at(scribe.graph, seq) for seq in (1, 2)]

        assert len(set(links)) == 2

    async def test_graphs_have_chains_of_their_own(self, scribe: Scribe) -> None:
        elsewhere = Scribe(scribe.store, scribe.graph._replace(scope="elsewhere"))
        await scribe.create()
        await elsewhere.create()

        assert await scribe.store.link_at(scribe.graph, 1) != await scribe.store.link_at(elsewhere.graph, 1)

    @needs(Capability.RESTART)
    async def test_the_chain_goes_on_after_a_restart(self, open_store: OpenStore) -> None:
        store = await open_store()
        scribe = Scribe(store)
        await scribe.create(DEVICE, request_id="r-1")
        first = await store.link_at(scribe.graph, 1)
        await store.close()

        store = await open_store()
        scribe = Scribe(store)
        mpid = await scribe.create(MAIL)
        await scribe.erase(mpid)
        links = [await store.link_at(scribe.graph, seq) for seq in (1, 2, 3)]
        await store.close()

        assert links[0] == first
        assert len(set(links)) == 3


async def _forget(scribe: Scribe, mpid: Mpid, *identities: Identity) -> None:
    await scribe.write(
        mpid,
        Change(ChangeKind.PROFILE_ERASED, mpid),
        *(Change(ChangeKind.VALUE_ERASED, mpid, identity, reason="key:digest") for identity in identities),
        idempotency_key="id-1",
    )


async def _alias(scribe: Scribe, source: Mpid, destination: Mpid) -> int:
    stamp = Identity(IdentityType.DEVICE_APPLICATION_STAMP, STAMP.value)
    terms = AliasTerms(source, destination, 0, 1, "device", stamp, 1)
    return (await scribe.write(source, Change(ChangeKind.ALIAS_TAKEN, source, stamp, destination, terms))).seq
