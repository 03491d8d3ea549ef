"""Flags of values: seen by every look, respected by calls that race, there after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from idsync.model.changes import Resolution, Stale
from idsync.model.errors import ConflictError, NotFoundError
from idsync.model.flag import ALARMS, Flag, Flagged
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import Change, ChangeKind
from idsync.model.notice import NoticeReason
from idsync.model.policy import Policy
from idsync.model.quarantine import QuarantineRequest, Quarantining
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.protocol import Store
from idsync.testing.capability import Capability, OpenStore, needs
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, numbered

__all__ = ["QuarantineChecks"]

_LOGIN = frozenset({IdentityType.CUSTOMERID, IdentityType.EMAIL})
_PRIORITY = (IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.IOS_IDFV)
_POLICY = Policy("profile_conversion", _PRIORITY, _LOGIN, _LOGIN)
_ALL = 1_000


def _resolver(store: Store, clock: ManualClock) -> Resolver:
    scope = Scope(_POLICY, load_strategies([_POLICY.strategy])[_POLICY.strategy])
    return Resolver(store, {GRAPH.scope: scope}, clock)


def _identify(*identities: Identity, previous: Mpid | None = None) -> ResolveRequest:
    return ResolveRequest(Operation.IDENTIFY, GRAPH, {i.type: i for i in identities}, previous)


class QuarantineChecks:
    """What the entries of `quarantine`, `release` and of the radar add up to."""

    async def test_a_look_shows_the_flags_of_an_identity(self, scribe: Scribe) -> None:
        """Each with the entry that raised it, until another takes it off."""
        await scribe.create(DEVICE, MAIL)

        async def seen(*identities: Identity) -> tuple[bool, list[Mapping[Flag, int]]]:
            view = await scribe.look(*identities)
            return view.has_quarantined, [dict(view.flags(identity)) for identity in identities]

        before = await seen(DEVICE, CUSTOMER)
        await scribe.write(0, Change(ChangeKind.ALARM_RAISED, 0, DEVICE, alias_seq=Flag.MANY_KNOWN))
        alarmed = await seen(DEVICE)
        await scribe.write(0, Change(ChangeKind.QUARANTINED, 0, DEVICE, reason="a till"))
        both = await seen(DEVICE, MAIL)
        listed = await scribe.store.flagged(GRAPH, ALARMS, _ALL)
        await scribe.write(0, Change(ChangeKind.ALARM_ENDED, 0, DEVICE, alias_seq=Flag.MANY_KNOWN))
        await scribe.write(0, Change(ChangeKind.RELEASED, 0, DEVICE, alias_seq=3))
        after = await seen(DEVICE)

        assert before == (False, [{}, {}])
        assert alarmed == (False, [{Flag.MANY_KNOWN: 2}])
        assert both == (True, [{Flag.QUARANTINE: 3, Flag.MANY_KNOWN: 2}, {}])
        assert listed == [Flagged(2, DEVICE, Flag.MANY_KNOWN)]
        assert after == (False, [{}])
        assert await scribe.store.flagged(GRAPH, frozenset(Flag), _ALL) == []

    async def test_lists_go_on_where_they_ended(self, scribe: Scribe) -> None:
        await scribe.create(DEVICE, MAIL, CUSTOMER)
        for identity in (MAIL, DEVICE, CUSTOMER):
            await scribe.write(0, Change(ChangeKind.QUARANTINED, 0, identity))

        first = await scribe.store.flagged(GRAPH, {Flag.QUARANTINE}, 2)
        second = await scribe.store.flagged(GRAPH, {Flag.QUARANTINE}, 2, first[-1].seq)

        assert [each.identity for each in first] == [MAIL, DEVICE]
        assert second == [Flagged(4, CUSTOMER, Flag.QUARANTINE)]
        assert await scribe.store.flagged(GRAPH, ALARMS, 2) == []

    async def test_whoever_rests_on_what_gets_or_loses_a_flag_looks_again(self, scribe: Scribe) -> None:
        mpid = await scribe.create(DEVICE, MAIL)
        for kind in (ChangeKind.QUARANTINED, ChangeKind.RELEASED):
            write = await scribe.prepare(mpid, Change(ChangeKind.RETURNED, mpid), identities=[DEVICE])
            await scribe.write(0, Change(kind, 0, DEVICE))

            assert await scribe.apply(write) == [Stale()]

    async def test_what_is_quarantined_finds_nobody_until_it_is_released(
        self, store: Store, clock: ManualClock
    ) -> None:
        """It is recorded all the same; answers that were given before are not given again."""
        resolver = _resolver(store, clock)
        born = await resolver.resolve(_identify(DEVICE))
        again = [await resolver.resolve(_identify(DEVICE)) for _ in range(3)]
        done = await resolver.quarantine(QuarantineRequest(GRAPH, DEVICE, "a till"))

        others = [await resolver.resolve(_identify(DEVICE)) for _ in range(2)]
        stays = [await resolver.resolve(_identify(DEVICE, previous=born.mpid)) for _ in range(2)]
        led = await resolver.resolve(_identify(MAIL, DEVICE, previous=others[0].mpid))
        by_mail = await resolver.resolve(_identify(MAIL, DEVICE))
        holders = await store.find_profiles(GRAPH, DEVICE, _ALL)
        await resolver.quarantine(QuarantineRequest(GRAPH, DEVICE, release=True))
        released = await resolver.resolve(_identify(DEVICE))

        assert {each.mpid for each in again} == {born.mpid}
        assert done == Quarantining(DEVICE, 0, 1, done.journal_seq, done.journal_seq)
        assert len({born.mpid, *(each.mpid for each in others)}) == 3
        assert [each.mpid for each in stays] == [born.mpid] * 2
        assert stays[0].matched == (DEVICE,)
        assert led.mpid == others[0].mpid
        assert by_mail.mpid == led.mpid
        assert set(holders) == {born.mpid, *(each.mpid for each in others)}
        for answer in (*others, *stays, led, by_mail):
            assert [tuple(n) for n in answer.notices] == [
                (DEVICE.type, NoticeReason.QUARANTINED, done.journal_seq)
            ]
        assert released.notices == ()
        assert released.mpid in holders

    async def test_a_unique_value_stays_on_one_record(self, store: Store, clock: ManualClock) -> None:
        """ID-033, ID-072, ID-123: whoever is not found by it does not get it either, nor becomes known."""
        resolver = _resolver(store, clock)
        holder = await resolver.resolve(_identify(MAIL))
        done = await resolver.quarantine(QuarantineRequest(GRAPH, MAIL))

        other = await resolver.resolve(_identify(MAIL, DEVICE))
        again = await resolver.resolve(_identify(MAIL, DEVICE))

        assert other.mpid != holder.mpid
        assert again.mpid == other.mpid
        assert not other.is_logged_in
        assert other.rule == "conversion/new-anonymous"
        assert [tuple(n) for n in other.notices] == [
            (MAIL.type, NoticeReason.QUARANTINED, done.journal_seq),
            (MAIL.type, NoticeReason.HELD_ELSEWHERE, 0),
        ]
        assert await store.find_profiles(GRAPH, MAIL, _ALL) == [holder.mpid]

    async def test_what_is_done_already_is_told(self, store: Store, clock: ManualClock) -> None:
        """Quarantining twice, releasing twice, and what nobody has; nothing is written."""
        resolver = _resolver(store, clock)
        await resolver.resolve(_identify(DEVICE))
        order = QuarantineRequest(GRAPH, DEVICE)
        release = QuarantineRequest(GRAPH, DEVICE, release=True)

        with pytest.raises(NotFoundError):
            await resolver.quarantine(release)
        with pytest.raises(NotFoundError):
            await resolver.quarantine(QuarantineRequest(GRAPH, NICKNAME))
        done = await resolver.quarantine(order)
        with pytest.raises(ConflictError) as told:
            await resolver.quarantine(order)
        released = await resolver.quarantine(release)
        with pytest.raises(NotFoundError):
            await resolver.quarantine(release)

        assert told.value.metadata == {"journal_seq": str(done.journal_seq)}
        assert released.since_seq == done.journal_seq
        assert await store.last_seq(GRAPH) == 3

    async def test_of_two_operators_at_once_one_wins(self, store: Store, clock: ManualClock) -> None:
        resolvers = [_resolver(store, clock) for _ in range(4)]
        await resolvers[0].resolve(_identify(DEVICE))
        for release, told in ((False, ConflictError), (True, NotFoundError)):
            order = QuarantineRequest(GRAPH, DEVICE, release=release)

            done = await asyncio.gather(*(r.quarantine(order) for r in resolvers), return_exceptions=True)

            assert sorted(type(each).__name__ for each in done) == sorted(
                ["Quarantining", *[told.__name__] * 3]
            )
        assert await store.last_seq(GRAPH) == 3

    async def test_calls_that_race_with_a_quarantine_respect_it(
        self, store: Store, clock: ManualClock
    ) -> None:
        """Whoever is recorded after it was not found by the value, and whoever before was."""
        resolvers = [_resolver(store, clock) for _ in range(4)]
        devices = [numbered(IdentityType.IOS_IDFV, n) for n in range(20)]
        holders = [(await resolvers[0].resolve(_identify(device))).mpid for device in devices]

        async def race(place: int, device: Identity) -> tuple[Resolution, Quarantining]:
            login = _identify(device, numbered(IdentityType.CUSTOMERID, place))
            return await asyncio.gather(
                resolvers[place % 4].resolve(login),
                resolvers[(place + 1) % 4].quarantine(QuarantineRequest(GRAPH, device)),
            )

        done = await asyncio.gather(*(race(place, device) for place, device in enumerate(devices)))

        for holder, (answer, quarantining) in zip(holders, done, strict=True):
            assert (answer.mpid == holder) is (answer.journal_seq < quarantining.journal_seq)

    @pytest.mark.parametrize("is_shared", [True, False], ids=["shared", "alone"])
    async def test_a_value_that_is_erased_is_quarantined_no_more(
        self, store: Store, clock: ManualClock, is_shared: bool
    ) -> None:
        """ID-212, ID-213: the flag names an identity, and goes when that has no value any more."""
        resolver = _resolver(store, clock)
        mpids = [(await resolver.resolve(_identify(DEVICE))).mpid]
        await resolver.quarantine(QuarantineRequest(GRAPH, DEVICE))
        if is_shared:
            mpids.append((await resolver.resolve(_identify(DEVICE))).mpid)

        await resolver.delete(GRAPH, mpids[0])
        left = await store.flagged(GRAPH, {Flag.QUARANTINE}, _ALL)
        entries = await store.entries(GRAPH, 0, _ALL)
        fresh = await resolver.resolve(_identify(DEVICE))
        same = await resolver.resolve(_identify(DEVICE))

        named = {c.identity for e in entries for c in e.changes if c.kind is ChangeKind.QUARANTINED}
        if is_shared:
            assert left == [Flagged(2, DEVICE, Flag.QUARANTINE)]
            assert named == {DEVICE}
            assert fresh.mpid not in mpids
            assert same.mpid != fresh.mpid
        else:
            assert left == []
            assert named == {Identity(DEVICE.type, "")}
            assert fresh.notices == ()
            assert same.mpid == fresh.mpid

    @needs(Capability.RESTART)
    @pytest.mark.parametrize("settled", [True, False], ids=["settled", "not settled"])
    async def test_flags_stand_after_a_restart(self, open_store: OpenStore, settled: bool) -> None:
        store = await open_store()
        scribe = Scribe(store)
        await scribe.create(DEVICE, MAIL)
        await scribe.write(0, Change(ChangeKind.QUARANTINED, 0, DEVICE, reason="said"))
        await scribe.write(0, Change(ChangeKind.QUARANTINED, 0, MAIL))
        await scribe.write(0, Change(ChangeKind.RELEASED, 0, MAIL, alias_seq=3))
        if settled:
            await store.settle()
        await store.close()
        store = await open_store()
        view = await Scribe(store).look(DEVICE, MAIL)
        listed = await store.flagged(GRAPH, {Flag.QUARANTINE}, _ALL)
        [entry] = (await store.entries_at(GRAPH, [2])).values()
        await store.close()

        assert view.has_quarantined
        assert view.flags(DEVICE) == {Flag.QUARANTINE: 2}
        assert not view.flags(MAIL)
        assert listed == [Flagged(2, DEVICE, Flag.QUARANTINE)]
        assert [change.reason for change in entry.changes] == ["said"]
