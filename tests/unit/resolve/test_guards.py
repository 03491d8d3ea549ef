"""What the guards of a scope keep out and hold back, and where it is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from idsync.model.blocking import BlockedValues
from idsync.model.changes import Resolution
from idsync.model.errors import LookupFailedError, NotFoundError
from idsync.model.identity import Identity, IdentityType
from idsync.model.journal import ChangeKind
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.embedded.opening import open_store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH
from idsync.testing.store_checks.people import (
    CUSTOMER,
    DEVICE,
    MAIL,
    OTHER_CUSTOMER,
    OTHER_DEVICE,
    OTHER_MAIL,
)
from tests.unit.resolve.desk import C, Desk, E, V

IDENTIFY, LOGIN, LOGOUT, SEARCH = Operation.IDENTIFY, Operation.LOGIN, Operation.LOGOUT, Operation.SEARCH
POLICY = Policy("profile_conversion", (C, E, V), login=frozenset({C, E}), unique=frozenset({C, E}))
GUARDED = replace(POLICY, conflict_guard=True)
BLOCKING = replace(POLICY, blocked_values=BlockedValues())
JUNK = Identity(C, "null")
JUNK_DEVICE = Identity(V, " 'Undefined' ")
BLOCKED = Notice(C, NoticeReason.BLOCKED)
CONFLICT = Notice(C, NoticeReason.CONFLICT)


@pytest.fixture
def desk() -> Desk:
    return Desk(GUARDED)


@pytest.fixture
def blocking() -> Desk:
    return Desk(BLOCKING)


class TestConflictGuard:
    @pytest.mark.parametrize("strategy", ["profile_conversion", "profile_link", "profile_isolation"])
    async def test_a_changed_decision_says_so_in_answer_and_journal(self, strategy: str) -> None:
        desk = Desk(replace(GUARDED, strategy=strategy))
        owner = await desk.scribe.create(CUSTOMER, MAIL)

        answer = await desk.call(LOGIN, OTHER_CUSTOMER, MAIL)

        held = Notice(E, NoticeReason.HELD_ELSEWHERE)
        assert answer.mpid != owner
        assert answer.notices == (CONFLICT, held)
        assert (await desk.last()).evidence.notices == (CONFLICT, held)
        assert await desk.record(answer.mpid) == [OTHER_CUSTOMER]
        assert await desk.record(owner) == [CUSTOMER, MAIL]

    async def test_an_unchanged_one_says_nothing(self, desk: Desk) -> None:
        """The owner of the address was passed over, but would not have been the answer."""
        await desk.scribe.create(CUSTOMER, MAIL)
        own = await desk.scribe.create(OTHER_CUSTOMER)

        answer = await desk.call(LOGIN, OTHER_CUSTOMER, MAIL)

        assert answer.mpid == own
        assert answer.notices == (Notice(E, NoticeReason.HELD_ELSEWHERE),)

    async def test_nor_one_where_who_was_passed_over_had_come_second(self) -> None:
        desk = Desk(replace(GUARDED, login=frozenset({C})))
        await desk.scribe.create(MAIL, DEVICE)
        newest = await desk.scribe.create(DEVICE)

        answer = await desk.call(IDENTIFY, OTHER_MAIL, DEVICE)

        assert (answer.mpid, answer.notices) == (newest, ())

    async def test_who_comes_again_is_found_without_it(self, desk: Desk) -> None:
        await desk.scribe.create(CUSTOMER, MAIL)
        first = await desk.call(LOGIN, OTHER_CUSTOMER, MAIL)

        again = await desk.call(LOGIN, OTHER_CUSTOMER, MAIL)

        assert (again.mpid, again.journal_seq) == (first.mpid, 0)
        assert CONFLICT not in again.notices

    async def test_a_miss_that_it_caused_names_it(self, desk: Desk) -> None:
        await desk.scribe.create(CUSTOMER, MAIL)

        with pytest.raises(NotFoundError) as guarded:
            await desk.call(SEARCH, OTHER_CUSTOMER, MAIL)
        with pytest.raises(NotFoundError) as read_only:
            await desk.call(IDENTIFY, OTHER_CUSTOMER, MAIL, read_only=True)
        with pytest.raises(NotFoundError) as plain:
            await desk.call(SEARCH, OTHER_CUSTOMER, OTHER_MAIL)

        assert guarded.value.metadata == read_only.value.metadata == {"rule": "guards/conflict"}
        assert plain.value.metadata == {}

    @pytest.mark.parametrize("operation", [LOGIN, SEARCH])
    async def test_it_rests_on_who_was_passed_over(self, desk: Desk, operation: Operation) -> None:
        """ID-041: were his customer ID taken from him meanwhile, he would be found."""
        owner = await desk.scribe.create(CUSTOMER, MAIL)

        planned = await desk.planned(operation, OTHER_CUSTOMER, MAIL)

        assert planned.profiles[owner] == await desk.version(owner)

    async def test_off_it_rests_on_no_more_than_before(self) -> None:
        desk = Desk(POLICY)
        await desk.scribe.create(CUSTOMER)

        assert (await desk.planned(LOGIN, OTHER_CUSTOMER, MAIL)).profiles == {}


class TestAnswersThatAreRemembered:
    """On the embedded store, which gives an answer again for as long as what it rests on stands."""

    UNIQUE_ADDRESS = replace(GUARDED, login=frozenset({C}))

    @pytest.fixture
    async def resolver(self, tmp_path: Path) -> AsyncIterator[Resolver]:
        store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
        scope = Scope(self.UNIQUE_ADDRESS, load_strategies(["profile_conversion"])["profile_conversion"])
        yield Resolver(store, {GRAPH.scope: scope}, ManualClock())
        await store.close()

    async def test_one_that_the_guard_changed_goes_with_its_reason(self, resolver: Resolver) -> None:
        """The owner of the device stays anonymous throughout: only his own version tells."""

        async def call(operation: Operation, *identities: Identity) -> Resolution:
            return await resolver.resolve(ResolveRequest(operation, GRAPH, {i.type: i for i in identities}))

        owner = (await call(IDENTIFY, MAIL, DEVICE)).mpid
        for _ in range(2):
            with pytest.raises(NotFoundError):
                await call(SEARCH, OTHER_MAIL, DEVICE)
        await resolver.modify(ModifyRequest(GRAPH, owner, (IdentityChange(E, MAIL, None),)))

        assert (await call(SEARCH, OTHER_MAIL, DEVICE)).mpid == owner

    async def test_a_blocked_value_is_not_kept(self, tmp_path: Path) -> None:
        """Whatever was blocked, the call is the same; a surface finds its own form of the answer too."""
        store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
        blocked = replace(POLICY, blocked_values=BlockedValues(entries={C: ("kiosk*",)}))
        scope = Scope(blocked, load_strategies(["profile_conversion"])["profile_conversion"])
        resolver = Resolver(store, {GRAPH.scope: scope}, ManualClock())

        for number in range(9):
            junk = Identity(C, f"kiosk {number}")
            request = ResolveRequest(IDENTIFY, GRAPH, {C: junk, V: DEVICE})
            answer = await resolver.resolve(request)
            resolver.prepare("name", request, answer, "prepared")

        assert resolver.recall("name") == "prepared"
        assert len(resolver._rounds._remembered) == 1  # type: ignore[union-attr]
        await store.close()


class TestBlockedValues:
    async def test_one_is_not_sent_and_that_is_said(self, blocking: Desk) -> None:
        first = await blocking.call(LOGIN, JUNK, DEVICE)
        second = await blocking.call(LOGIN, JUNK, OTHER_DEVICE)

        assert first.mpid != second.mpid
        assert first.notices == (BLOCKED,)
        assert not first.is_logged_in
        assert (await blocking.last()).evidence.notices == (BLOCKED,)
        assert await blocking.record(second.mpid) == [OTHER_DEVICE]

    async def test_it_is_nobodys_key_even_where_it_is_on_a_record(self, blocking: Desk) -> None:
        """Whoever switches the guard on has junk in the graph already."""
        await blocking.scribe.create(JUNK, DEVICE)

        answer = await blocking.call(IDENTIFY, JUNK, OTHER_DEVICE)

        assert await blocking.record(answer.mpid) == [OTHER_DEVICE]

    async def test_a_repeated_call_says_it_again(self, blocking: Desk) -> None:
        answers = [await blocking.call(IDENTIFY, JUNK, DEVICE) for _ in range(3)]

        assert [answer.notices for answer in answers] == [(BLOCKED,)] * 3
        assert answers[2].journal_seq == 0

    @pytest.mark.parametrize("operation", Operation)
    async def test_with_nothing_else_the_call_is_refused(self, blocking: Desk, operation: Operation) -> None:
        """ID-233: as if none were sent."""
        with pytest.raises(LookupFailedError) as refusal:
            await blocking.call(operation, JUNK, JUNK_DEVICE)

        assert refusal.value.message == "knownIdentities is empty."
        assert refusal.value.metadata == {"rule": "guards/all-blocked"}
        assert await blocking.scribe.journal() == []

    async def test_a_logout_of_login_ids_had_something(self, blocking: Desk) -> None:
        """ID-084: what was sent and left out was sent."""
        answer = await blocking.call(LOGOUT, CUSTOMER, JUNK_DEVICE)

        assert answer.notices == (Notice(V, NoticeReason.BLOCKED), Notice(C, NoticeReason.LOGIN_ID_IN_LOGOUT))
        assert await blocking.record(answer.mpid) == []

    async def test_a_batch_loses_no_more_than_the_call(self, blocking: Desk) -> None:
        calls = [
            ResolveRequest(IDENTIFY, GRAPH, {i.type: i for i in identities})
            for identities in ((DEVICE,), (JUNK,), (JUNK, DEVICE))
        ]

        first, refused, last = await blocking._resolver.resolve_all(calls)

        assert isinstance(refused, LookupFailedError)
        assert isinstance(first, Resolution)
        assert isinstance(last, Resolution)
        assert last.mpid == first.mpid

    async def test_a_new_value_of_a_modify_is_null(self, blocking: Desk) -> None:
        """ID-151, ID-152, ID-162: nothing is added; what it was to replace goes."""
        mpid = await blocking.scribe.create(DEVICE, MAIL)

        added = await blocking.modify(mpid, (None, JUNK))
        replaced = await blocking.modify(mpid, (MAIL, Identity(E, "TEST@test.com")))

        assert (added.results, added.notices, added.journal_seq) == ((), (BLOCKED,), 0)
        assert replaced.results == ((E, mpid),)
        assert (await blocking.last()).evidence.notices == (Notice(E, NoticeReason.BLOCKED),)
        assert await blocking.record(mpid) == [DEVICE]

    async def test_an_old_value_of_a_modify_can_be_removed(self, blocking: Desk) -> None:
        """That is how a record is cleaned."""
        mpid = await blocking.scribe.create(DEVICE, JUNK)

        answer = await blocking.modify(mpid, (JUNK, CUSTOMER))

        assert answer.notices == ()
        assert await blocking.record(mpid) == [DEVICE, CUSTOMER]

    async def test_off_they_are_values_like_others(self) -> None:
        desk = Desk(POLICY)

        answer = await desk.call(LOGIN, JUNK, JUNK_DEVICE)

        assert answer.notices == ()
        assert await desk.record(answer.mpid) == [JUNK, JUNK_DEVICE]
        assert [kind for kind, _ in await desk.last_kinds()].count(ChangeKind.IDENTITY_ADDED) == 2


def test_the_types_are_named_and_never_a_value() -> None:
    """No identity value in what is counted and logged."""
    assert {field for notice in (BLOCKED, CONFLICT) for field in notice if field} == {
        IdentityType.CUSTOMERID,
        NoticeReason.BLOCKED,
        NoticeReason.CONFLICT,
    }
