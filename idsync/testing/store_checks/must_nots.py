"""Must-not-links: seen by every look, respected by calls that race, there after a restart."""

from __future__ import annotations

import asyncio

import pytest

from idsync.model.changes import Stale
from idsync.model.errors import ConflictError
from idsync.model.identity import Identity, IdentityType
from idsync.model.journal import NEW, Change, ChangeKind
from idsync.model.must_not import MustNot, Side
from idsync.model.notice import NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.undo import ForbidRequest, RevertRequest, SplitRequest, Undone
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.protocol import Store
from idsync.testing.capability import Capability, OpenStore, needs
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_CUSTOMER, numbered

__all__ = ["MustNotChecks"]

_FORBIDDEN = ChangeKind.FORBIDDEN
_LOGIN = frozenset({IdentityType.CUSTOMERID, IdentityType.EMAIL})
_PRIORITY = (IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.IOS_IDFV)
_POLICY = Policy("profile_conversion", _PRIORITY, _LOGIN, _LOGIN)


def _resolver(store: Store, clock: ManualClock) -> Resolver:
    scope = Scope(_POLICY, load_strategies([_POLICY.strategy])[_POLICY.strategy])
    return Resolver(store, {GRAPH.scope: scope}, clock)


class MustNotChecks:
    """What the entries of `forbid` add up to."""

    async def test_a_look_shows_what_names_an_identity(self, scribe: Scribe) -> None:
        """Also values that nobody has; both must-not-links of one entry; nothing to others."""
        mpid = await scribe.create(DEVICE, MAIL)
        written = await scribe.write(
            0,
            Change(_FORBIDDEN, 0, MAIL, alias_seq=0),
            Change(_FORBIDDEN, 0, CUSTOMER, alias_seq=1),
            Change(_FORBIDDEN, 0, NICKNAME, alias_seq=2),
            Change(_FORBIDDEN, mpid, alias_seq=3),
        )

        view = await scribe.look(MAIL, CUSTOMER, NICKNAME, DEVICE)

        first = MustNot(written.seq, (Side((MAIL,)), Side((CUSTOMER,))))
        second = MustNot(written.seq, (Side((NICKNAME,)), Side((), mpid)))
        assert view.has_must_nots
        assert list(view.must_nots(MAIL)) == list(view.must_nots(CUSTOMER)) == [first]
        assert list(view.must_nots(NICKNAME)) == [second]
        assert not view.must_nots(DEVICE)
        assert written.mpid == 0
        assert [e.seq for e in await scribe.store.entries(scribe.graph, 0, 10, mpid)] == [1, written.seq]

    async def test_what_is_withdrawn_is_gone(self, scribe: Scribe) -> None:
        await scribe.create(DEVICE, MAIL)
        both = [
            await scribe.write(
                0, Change(_FORBIDDEN, 0, MAIL), Change(_FORBIDDEN, 0, numbered(CUSTOMER.type, n), alias_seq=1)
            )
            for n in range(2)
        ]

        await scribe.write(0, Change(ChangeKind.PERMITTED, 0, alias_seq=both[0].seq))
        some = [link.seq for link in (await scribe.look(MAIL)).must_nots(MAIL)]
        await scribe.write(0, Change(ChangeKind.PERMITTED, 0, alias_seq=both[1].seq))
        none = await scribe.look(MAIL)

        assert some == [both[1].seq]
        assert not none.must_nots(MAIL)
        assert not none.has_must_nots

    @pytest.mark.parametrize("identity", [MAIL, CUSTOMER], ids=["held", "unknown"])
    async def test_whoever_rests_on_what_it_names_looks_again(
        self, scribe: Scribe, identity: Identity
    ) -> None:
        """Forbidding and permitting both change what a decision rests on."""
        mpid = await scribe.create(DEVICE, MAIL)
        for withdrawing in (False, True):
            write = await scribe.prepare(mpid, Change(ChangeKind.RETURNED, mpid), identities=[identity])
            change = (
                Change(ChangeKind.PERMITTED, 0, alias_seq=2)
                if withdrawing
                else Change(_FORBIDDEN, 0, identity)
            )
            await scribe.write(0, change)

            assert await scribe.apply(write) == [Stale()]

    async def test_a_new_profile_gets_the_side_that_ranks_higher(
        self, store: Store, clock: ManualClock
    ) -> None:
        """The call succeeds, and its answer and its entry say what was withheld and by which entry."""
        resolver = _resolver(store, clock)
        forbidding = await resolver.forbid(ForbidRequest(GRAPH, (Side((MAIL,)), Side((CUSTOMER,)))))
        identities = {i.type: i for i in (MAIL, CUSTOMER, DEVICE)}
        request = ResolveRequest(Operation.LOGIN, GRAPH, identities)

        created = await resolver.resolve(request)
        again = await resolver.resolve(request)

        shown = (await store.profiles(GRAPH, [created.mpid]))[created.mpid]
        [entry] = (await store.entries_at(GRAPH, [created.journal_seq])).values()
        assert {r.identity for r in shown.identities} == {CUSTOMER, DEVICE}
        for notices in (created.notices, again.notices, entry.evidence.notices):
            assert [tuple(n) for n in notices] == [
                (IdentityType.EMAIL, NoticeReason.FORBIDDEN, forbidding.journal_seq)
            ]
        assert again.journal_seq == 0
        assert MAIL in entry.evidence.asked

    async def test_what_was_answered_before_is_not_answered_again(
        self, store: Store, clock: ManualClock
    ) -> None:
        """A repeated call, and one that stands as it was born, see a must-not-link made since."""
        resolver = _resolver(store, clock)
        born = ResolveRequest(Operation.IDENTIFY, GRAPH, {DEVICE.type: DEVICE})
        more = ResolveRequest(Operation.LOGIN, GRAPH, {i.type: i for i in (DEVICE, CUSTOMER)})
        first = await resolver.resolve(born)
        assert [(await resolver.resolve(born)).mpid for _ in range(3)] == [first.mpid] * 3

        await resolver.forbid(ForbidRequest(GRAPH, (Side((CUSTOMER,)), Side((), first.mpid))))
        answers = [await resolver.resolve(more) for _ in range(2)]

        holders = await store.find_profiles(GRAPH, CUSTOMER, 10)
        assert first.mpid not in holders
        assert answers[0].mpid == first.mpid or holders == [answers[0].mpid]

    async def test_calls_that_race_with_a_forbid_respect_it(self, store: Store, clock: ManualClock) -> None:
        """Each pair ends on one profile, and then forbidding was refused, or apart; never both."""
        resolvers = [_resolver(store, clock) for _ in range(4)]
        pairs = [(numbered(IdentityType.CUSTOMERID, n), numbered(IdentityType.EMAIL, n)) for n in range(25)]

        async def login(place: int, *identities: Identity) -> None:
            known = {i.type: i for i in identities}
            await resolvers[place % 4].resolve(ResolveRequest(Operation.LOGIN, GRAPH, known))

        async def forbid(place: int) -> bool:
            one, other = pairs[place]
            try:
                wanted = ForbidRequest(GRAPH, (Side((one,)), Side((other,))))
                await resolvers[(place + 1) % 4].forbid(wanted)
            except ConflictError:
                return False
            return True

        calls = []
        for place, (one, other) in enumerate(pairs):
            calls += [login(place, one), forbid(place), login(place + 2, one, other)]
        outcomes = (await asyncio.gather(*calls))[1::3]

        for place, (one, other) in enumerate(pairs):
            holders = [await store.find_profiles(GRAPH, i, 10) for i in (one, other)]
            together = bool(set(holders[0]) & set(holders[1]))
            assert together is not outcomes[place]

    async def test_of_two_who_undo_the_same_one_wins(
        self, store: Store, clock: ManualClock, scribe: Scribe
    ) -> None:
        """The other is told; a split, a revert and a withdrawal."""
        resolvers = [_resolver(store, clock) for _ in range(2)]
        mpid = await scribe.create(CUSTOMER, MAIL, DEVICE)
        split = SplitRequest(GRAPH, mpid, (MAIL,))

        splits = await asyncio.gather(*(r.split(split) for r in resolvers), return_exceptions=True)
        done = [each for each in splits if isinstance(each, Undone)]
        revert = RevertRequest(GRAPH, done[0].journal_seq)
        reverts = await asyncio.gather(*(r.revert(revert) for r in resolvers), return_exceptions=True)

        assert len(done) == 1
        assert len([each for each in reverts if isinstance(each, Undone)]) == 1
        assert [type(each) for each in reverts if isinstance(each, Exception)] == [ConflictError]
        assert await scribe.holders(MAIL) == [mpid]

    async def test_a_split_shows_where_things_went(
        self, store: Store, clock: ManualClock, scribe: Scribe
    ) -> None:
        """Onto one that shares a value, so that all of it goes; and back again, so that nothing has gone."""
        resolver = _resolver(store, clock)
        mpid = await scribe.create(CUSTOMER, DEVICE)
        target = await scribe.create(OTHER_CUSTOMER, DEVICE)

        done = await resolver.split(SplitRequest(GRAPH, mpid, (CUSTOMER, DEVICE), target))
        gone = (await store.profiles(GRAPH, [mpid, target]))[mpid]
        await resolver.revert(RevertRequest(GRAPH, done.journal_seq))
        back = (await store.profiles(GRAPH, [mpid, target]))[mpid]

        assert (gone.identities, gone.moved_to) == ((), (target,))
        assert done.forbidden == ()
        assert {r.identity for r in back.identities} == {CUSTOMER, DEVICE}
        assert back.moved_to == ()
        assert len(await store.links_of(GRAPH, DEVICE, 100)) >= 3

    @needs(Capability.RESTART)
    @pytest.mark.parametrize("settled", [True, False], ids=["settled", "not settled"])
    async def test_they_stand_after_a_restart(self, open_store: OpenStore, settled: bool) -> None:
        store = await open_store()
        first = await Scribe(store).write(
            NEW,
            *Scribe(store).creation(DEVICE),
            Change(_FORBIDDEN, NEW, MAIL, reason="said"),
            Change(_FORBIDDEN, NEW, alias_seq=1),
        )
        if settled:
            await store.settle()
        await store.close()
        store = await open_store()
        view = await Scribe(store).look(MAIL)
        [entry] = await store.entries(GRAPH, 0, 10)
        await store.close()

        assert list(view.must_nots(MAIL)) == [MustNot(1, (Side((MAIL,)), Side((), first.mpid)))]
        assert [c.reason for c in entry.changes if c.kind is _FORBIDDEN] == ["said", ""]
