"""Why a call has its answer: who was protected by what, and what would have given another profile."""

from __future__ import annotations

import pytest

from idsync.model.changes import Outcome
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import JournalEntry
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve import reasoner, reasoning, visits
from idsync.resolve.reasoner import Reasoner
from idsync.resolve.reasoning import Alteration, Alternative, Ending, Kind, Reasoning
from idsync.resolve.reasoning_sentences import reasoning_sentences
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver
from idsync.resolve.scope import Scope
from idsync.resolve.visits import Protected, Protection, Visit
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import (
    CUSTOMER,
    DEVICE,
    MAIL,
    NICKNAME,
    OTHER_CUSTOMER,
    OTHER_DEVICE,
    OTHER_MAIL,
    numbered,
)

C, E, V = IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.IOS_IDFV
POLICY = Policy("profile_link", (C, E, V), login=frozenset({C, E}), unique=frozenset({C, E}))
IMMUTABLE = Policy(
    "profile_link", (C, E, V), login=frozenset({E}), unique=frozenset({E}), immutable=frozenset({C})
)
GUARDED = Policy(
    "profile_link", (C, E, V), login=frozenset({C, E}), unique=frozenset({C, E}), conflict_guard=True
)
IDENTIFY, LOGIN, LOGOUT, SEARCH = Operation.IDENTIFY, Operation.LOGIN, Operation.LOGOUT, Operation.SEARCH


class Bureau:
    """A graph, and whoever explains it."""

    def __init__(self, policy: Policy) -> None:
        store = MemoryStore(clock=ManualClock())
        self.scribe = Scribe(store, login=policy.login_set)
        scope = Scope(policy, load_strategies([policy.strategy])[policy.strategy])
        self.reasoner = Reasoner(store, {GRAPH.scope: scope})
        self._resolver = Resolver(store, {GRAPH.scope: scope}, ManualClock())

    async def why(self, operation: Operation, *brought: Identity, previous: Mpid | None = None) -> Reasoning:
        request = ResolveRequest(operation, GRAPH, {i.type: i for i in brought}, previous)
        return await self.reasoner.now(request)

    async def made(self, request: ResolveRequest) -> JournalEntry:
        """Make a call, and give the entry that it wrote."""
        answer = await self._resolver.resolve(request)
        return (await self.scribe.store.entries_at(GRAPH, [answer.journal_seq]))[answer.journal_seq]


@pytest.fixture
def bureau() -> Bureau:
    return Bureau(POLICY)


def said(told: Reasoning) -> str:
    return "\n".join(reasoning_sentences(told))


async def test_a_known_profile_is_protected_by_its_login_ids(bureau: Bureau) -> None:
    """ID-050."""
    known = await bureau.scribe.create(CUSTOMER, MAIL, DEVICE)

    told = await bureau.why(IDENTIFY, DEVICE)

    assert told.ending == Ending(None, Outcome.CREATED, "link/new-anonymous")
    protected = Protected(known, Protection.LOGIN_ID, (CUSTOMER, MAIL))
    assert told.visits == (Visit(DEVICE, 1, 0, (protected,), 1, 0, 0),)
    assert f"{known} is protected by its customerid 'customer-1', email 'one@example.com', of which" in said(
        told
    )


async def test_what_would_have_opened_it_is_the_smallest_change(bureau: Bureau) -> None:
    known = await bureau.scribe.create(CUSTOMER, MAIL, DEVICE)

    told = await bureau.why(IDENTIFY, DEVICE)

    found = Ending(known, Outcome.FOUND, "link/known")
    assert told.alternatives == (
        Alternative((Alteration(Kind.BRING, CUSTOMER),), found),
        Alternative((Alteration(Kind.BRING, MAIL),), found),
    )
    assert told.alternative_count == 2
    assert f"With the customerid 'customer-1' the call would lead to profile {known} (rule link/known)." in (
        said(told)
    )


async def test_immutable_ids_protect(bureau: Bureau) -> None:
    """ID-051: a login ID is not enough; with one immutable ID besides, it is."""
    bureau = Bureau(IMMUTABLE)
    known = await bureau.scribe.create(CUSTOMER, MAIL)

    told = await bureau.why(LOGIN, MAIL, OTHER_CUSTOMER)

    assert told.visits[-1].protected == (Protected(known, Protection.IMMUTABLE_ID, (CUSTOMER,)),)
    assert Alteration(Kind.BRING, CUSTOMER) in [each.alterations[0] for each in told.alternatives]


async def test_the_conflict_guard_protects() -> None:
    """X-02, decided the safe way."""
    bureau = Bureau(GUARDED)
    known = await bureau.scribe.create(CUSTOMER, MAIL)

    told = await bureau.why(LOGIN, OTHER_CUSTOMER, MAIL)

    assert told.visits[-1].protected == (Protected(known, Protection.CONFLICT, (CUSTOMER,)),)
    assert told.ending.outcome is Outcome.CREATED
    assert told.alternatives[0] == Alternative(
        (Alteration(Kind.LEAVE_OUT, OTHER_CUSTOMER),), Ending(known, Outcome.FOUND, "link/known")
    )


async def test_a_refusal_says_what_would_be_answered(bureau: Bureau) -> None:
    """ID-082: a login without a login ID; ID-087: a search for nobody."""
    device = await bureau.scribe.create(CUSTOMER, DEVICE)

    refused = await bureau.why(LOGIN, DEVICE)
    missed = await bureau.why(SEARCH, DEVICE)

    assert (refused.ending.outcome, refused.ending.rule) == (Outcome.REFUSED, "link/login-without-login-id")
    assert missed.ending == Ending(None, Outcome.REFUSED, "", "no profile matches")
    for told in (refused, missed):
        assert told.alternatives == (
            Alternative((Alteration(Kind.BRING, CUSTOMER),), Ending(device, Outcome.FOUND, "link/known")),
        )


async def test_a_logout_that_needs_no_look_visits_nothing(bureau: Bureau) -> None:
    """ID-124; ID-084 leaves login IDs out."""
    await bureau.scribe.create(DEVICE)

    told = await bureau.why(LOGOUT, CUSTOMER, DEVICE)

    assert told.visits == ()
    assert told.notices == (Notice(C, NoticeReason.LOGIN_ID_IN_LOGOUT),)
    assert told.ending.rule == "link/logout"
    assert told.alternatives == ()


async def test_what_is_added_and_withheld(bureau: Bureau) -> None:
    """ID-070, ID-072, ID-026."""
    mine = await bureau.scribe.create(CUSTOMER)
    await bureau.scribe.create(MAIL)

    told = await bureau.why(LOGIN, CUSTOMER, MAIL, DEVICE, NICKNAME)

    assert told.ending == Ending(mine, Outcome.FOUND, "link/known")
    assert [change.identity for change in told.changes] == [DEVICE, NICKNAME]
    assert Notice(E, NoticeReason.HELD_ELSEWHERE) in told.notices
    assert "It gets the ios_idfv 'device-1'." in said(told)
    assert "It keeps the other 'nickname' as a description." in said(told)
    assert "The email is unique and on another profile, so it was not added." in said(told)


async def test_the_previous_profile_may_be_what_matters(bureau: Bureau) -> None:
    """ID-064."""
    older, newer = await bureau.scribe.create(DEVICE), await bureau.scribe.create(DEVICE)

    told = await bureau.why(IDENTIFY, DEVICE, previous=older)

    assert told.ending.mpid == older
    assert told.visits[0].candidates == 2
    assert told.alternatives == (
        Alternative((Alteration(Kind.LEAVE_OUT_PREVIOUS),), Ending(newer, Outcome.FOUND, "link/anonymous")),
    )
    assert f"Without its previous MPID the call would lead to profile {newer}" in said(told)


async def test_the_walk_ends_with_one(bureau: Bureau) -> None:
    """ID-063: what ranks below is not visited."""
    await bureau.scribe.create(CUSTOMER, DEVICE)

    told = await bureau.why(LOGIN, CUSTOMER, DEVICE)

    assert [visit.identity for visit in told.visits] == [CUSTOMER]


async def test_the_last_one_returned_is_found(bureau: Bureau) -> None:
    """ID-065: by the order of ID-011."""
    older, newer = await bureau.scribe.create(DEVICE), await bureau.scribe.create(DEVICE)
    before = await bureau.why(IDENTIFY, DEVICE)
    await bureau.scribe.give_back(older)

    assert (before.ending.mpid, (await bureau.why(IDENTIFY, DEVICE)).ending.mpid) == (newer, older)


async def test_the_source_is_the_previous_profile_while_it_lives(bureau: Bureau) -> None:
    """ID-122."""
    previous = await bureau.scribe.create(OTHER_DEVICE)
    before = await bureau.why(LOGIN, CUSTOMER, previous=previous)
    await bureau.scribe.erase(previous)
    after = await bureau.why(LOGIN, CUSTOMER, previous=previous)

    assert [told.changes[0].other for told in (before, after)] == [previous, None]


async def test_others_who_hold_what_is_offered_count() -> None:
    """A login ID that is not unique may lead to somebody who has nothing of the request."""
    bureau = Bureau(Policy("profile_link", (C, E, V), login=frozenset({C, E}), unique=frozenset({C})))
    mine = await bureau.scribe.create(MAIL, OTHER_MAIL)
    theirs = await bureau.scribe.create(OTHER_MAIL)

    told = await bureau.why(LOGIN, MAIL)

    assert told.ending.mpid == mine
    assert [each.ending.mpid for each in told.alternatives] == [theirs]


async def test_an_entry_is_told_with_its_previous_profile(bureau: Bureau) -> None:
    """ID-064."""
    older = await bureau.scribe.create(DEVICE)
    await bureau.scribe.create(DEVICE)
    request = ResolveRequest(IDENTIFY, GRAPH, {V: DEVICE, IdentityType.OTHER: NICKNAME}, older)

    entry = await bureau.made(request)
    told = await bureau.reasoner.then(entry)

    assert told is not None
    assert told.ending == Ending(older, Outcome.FOUND, entry.rule)


async def test_two_alterations_where_one_is_not_enough(bureau: Bureau) -> None:
    mine = await bureau.scribe.create(CUSTOMER, MAIL)
    await bureau.scribe.create(OTHER_DEVICE)

    told = await bureau.why(SEARCH, CUSTOMER, MAIL, OTHER_DEVICE)

    assert told.ending.mpid == mine
    assert [each.alterations for each in told.alternatives] == [
        (Alteration(Kind.LEAVE_OUT, CUSTOMER), Alteration(Kind.LEAVE_OUT, MAIL))
    ]
    assert "Without the customerid 'customer-1' and without the email 'one@example.com' the call" in said(
        told
    )


async def test_an_erased_profile_is_nobody(bureau: Bureau) -> None:
    """ID-212: neither found nor offered."""
    gone = await bureau.scribe.create(CUSTOMER, DEVICE)
    await bureau.scribe.erase(gone)

    told = await bureau.why(IDENTIFY, DEVICE, previous=gone)

    assert told.visits == (Visit(DEVICE, 0, 0, (), 0, 0, 0),)
    assert told.alternatives == ()
    assert "Nobody has the ios_idfv 'device-1'." in said(told)


async def test_what_is_cut_is_said(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never less in silence."""
    monkeypatch.setattr(reasoner, "MAX_HOLDERS", 3)
    monkeypatch.setattr(visits, "MAX_PROTECTED", 2)
    monkeypatch.setattr(reasoning, "MAX_ALTERNATIVES", 1)
    for number in range(4):
        await bureau.scribe.create(numbered(C, number), DEVICE)

    told = await bureau.why(IDENTIFY, DEVICE)

    assert not told.is_whole
    assert (len(told.visits[0].protected), told.visits[0].protected_count) == (2, 3)
    assert (len(told.alternatives), told.alternative_count) == (1, 3)
    assert "; 1 more are passed over; candidates left: 0." in said(told)
    assert "There are 2 more alterations of that size that lead elsewhere." in said(told)
    assert "Some values have more holders than were looked at" in said(told)


async def test_what_others_hold_is_offered_up_to_a_bound(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reasoner, "MAX_OTHERS", 1)
    await bureau.scribe.create(CUSTOMER, DEVICE)
    await bureau.scribe.create(OTHER_MAIL, DEVICE)

    assert (await bureau.why(IDENTIFY, DEVICE)).alternative_count == 1
