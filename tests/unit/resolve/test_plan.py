"""What identify, login and search write, answer and rest on (sections 5 and 6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idsync.model.changes import Outcome
from idsync.model.identity import Identity, IdentityType
from idsync.model.journal import ChangeKind
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import Operation
from idsync.resolve.plan import ACTIVITY_RESOLUTION_MS
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE, OTHER_MAIL
from tests.unit.resolve.desk import C, Desk, E, R, V

POLICY = Policy("profile_conversion", (C, V, E, R), login=frozenset({C}), unique=frozenset({C}))
IDENTIFY, LOGIN, SEARCH = Operation.IDENTIFY, Operation.LOGIN, Operation.SEARCH
BOX, OTHER_BOX = Identity(R, "box-1"), Identity(R, "box-2")


@pytest.fixture
def desk() -> Desk:
    return Desk(POLICY)


async def test_evidence_says_all_that_a_call_was_decided_by() -> None:
    """What was added, matched, described or withheld, with the notices of the call itself."""
    desk = Desk(replace(POLICY, immutable=frozenset({E})))
    mpid = await desk.scribe.create(DEVICE, MAIL)
    await desk.scribe.create(OTHER_MAIL)
    sent = Notice(IdentityType.OTHER2, NoticeReason.OUTSIDE_PRIORITY)

    answer = await desk.call(IDENTIFY, DEVICE, OTHER_MAIL, BOX, NICKNAME, previous_mpid=mpid, notices=(sent,))

    evidence = (await desk.last()).evidence
    assert (answer.mpid, answer.matched, answer.outcome) == (mpid, (DEVICE,), Outcome.FOUND)
    assert answer.notices == evidence.notices
    assert set(evidence.notices) == {
        sent,
        Notice(E, NoticeReason.IMMUTABLE_SET),
        Notice(NICKNAME.type, NoticeReason.OUTSIDE_PRIORITY),
    }
    assert set(evidence.asked) == {DEVICE, OTHER_MAIL, BOX, NICKNAME}
    assert (evidence.matched, evidence.decided_by, evidence.candidates) == ((DEVICE,), DEVICE, 1)
    assert evidence.previous_mpid == mpid
    assert await desk.record(mpid) == [DEVICE, MAIL, BOX]


async def test_a_withheld_value_that_nobody_knows_is_not_kept_as_evidence() -> None:
    """A value that is refused a place must not enter the dictionary by the journal."""
    desk = Desk(replace(POLICY, immutable=frozenset({E})))
    await desk.scribe.create(DEVICE, MAIL)

    await desk.call(IDENTIFY, DEVICE, OTHER_MAIL, BOX)

    assert set((await desk.last()).evidence.asked) == {DEVICE, BOX}


async def test_a_description_is_kept_once(desk: Desk) -> None:
    """ID-026: the same call again writes nothing."""
    first = await desk.call(IDENTIFY, DEVICE, NICKNAME)
    again = await desk.call(IDENTIFY, DEVICE, NICKNAME)

    assert (first.journal_seq, again.journal_seq) == (1, 0)
    assert await desk.descriptions(first.mpid) == [NICKNAME]


async def test_becoming_known_is_said_once(desk: Desk) -> None:
    """By the answer and in the journal, when it happens and not each time after."""
    outcomes, said = [], []
    for identities in ((DEVICE,), (DEVICE, CUSTOMER), (CUSTOMER, BOX)):
        answer = await desk.call(IDENTIFY, *identities)
        outcomes.append(answer.outcome)
        said.append((ChangeKind.BECAME_KNOWN, answer.mpid) in await desk.last_kinds())

    assert outcomes == [Outcome.CREATED, Outcome.CONVERTED, Outcome.FOUND]
    assert said == [False, True, False]


async def test_a_profile_created_with_a_login_id_became_known(desk: Desk) -> None:
    answer = await desk.call(LOGIN, CUSTOMER)

    assert (ChangeKind.BECAME_KNOWN, answer.mpid) in await desk.last_kinds()


async def test_a_creation_rests_on_the_previous_profile_it_passed_over(desk: Desk) -> None:
    """ID-041: a known one is protected (ID-050), and might not be any more."""
    known = await desk.scribe.create(OTHER_DEVICE, CUSTOMER)

    planned = await desk.planned(IDENTIFY, DEVICE, previous_mpid=known)

    assert planned.profiles == {known: await desk.version(known)}
    assert planned.identities == {DEVICE: 0}


@pytest.mark.parametrize("operation", [IDENTIFY, SEARCH])
async def test_an_answer_rests_on_the_profile_it_names(desk: Desk, operation: Operation) -> None:
    """ID-041: whether it changes something or not."""
    mpid = await desk.scribe.create(DEVICE)

    planned = await desk.planned(operation, DEVICE)

    assert planned.changes == ()
    assert planned.profiles == {mpid: await desk.version(mpid)}
    assert planned.identities == {DEVICE: 1}


@pytest.mark.parametrize(("inactive_days", "late_by_ms", "written"), [(30, -1, 0), (30, 0, 2), (None, 0, 0)])
async def test_activity_is_recorded_once_a_day_where_it_is_asked_for(
    inactive_days: int | None, late_by_ms: int, written: int
) -> None:
    """ID-214."""
    desk = Desk(replace(POLICY, inactive_days=inactive_days))
    await desk.scribe.create(DEVICE)
    desk.clock.advance(ACTIVITY_RESOLUTION_MS + late_by_ms)

    assert (await desk.call(IDENTIFY, DEVICE)).journal_seq == written


async def test_a_search_matches_identities_of_the_priority_alone(desk: Desk) -> None:
    """ID-171: also where a record holds others from before a change of the priority."""
    await desk.scribe.create(DEVICE, NICKNAME)

    assert (await desk.call(SEARCH, DEVICE, NICKNAME)).matched == (DEVICE,)


async def test_a_profile_created_beside_another_was_decided_by_nothing() -> None:
    """The answer names no identity of somebody else; the journal says what was seen (ID-132)."""
    desk = Desk(replace(POLICY, strategy="profile_isolation"))
    beside = await desk.scribe.create(DEVICE)

    answer = await desk.call(LOGIN, CUSTOMER, DEVICE)

    assert answer.mpid != beside
    assert (answer.outcome, answer.decided_by) == (Outcome.CREATED, None)
    assert (await desk.last()).evidence.decided_by == DEVICE


async def test_a_unique_value_of_an_anonymous_profile_is_held_as_well() -> None:
    """ID-072: it stays there, whether its holder is known or anonymous."""
    desk = Desk(replace(POLICY, unique=frozenset({C, E})))
    mpid, holder = await desk.scribe.create(DEVICE), await desk.scribe.create(MAIL)

    answer = await desk.call(IDENTIFY, DEVICE, MAIL)

    assert (answer.mpid, answer.notices) == (mpid, (Notice(E, NoticeReason.HELD_ELSEWHERE),))
    assert await desk.scribe.holders(MAIL) == [holder]


async def test_dropping_the_oldest_value_is_said() -> None:
    """ID-074."""
    desk = Desk(replace(POLICY, max_per_type={R: 1}))
    mpid = (await desk.call(IDENTIFY, DEVICE, BOX)).mpid

    answer = await desk.call(IDENTIFY, DEVICE, OTHER_BOX)

    assert answer.notices == (Notice(R, NoticeReason.OLDEST_DROPPED),)
    assert await desk.record(mpid) == [DEVICE, OTHER_BOX]


@pytest.mark.parametrize("holder", [(BOX,), (BOX, CUSTOMER)], ids=["anonymous", "known"])
@pytest.mark.parametrize("is_newer", [True, False])
async def test_a_value_taken_from_a_newer_holder_brings_its_taker_to_the_front(
    desk: Desk, holder: tuple[Identity, ...], is_newer: bool
) -> None:
    """ID-011: of the two the profile returned now is the newest; where it was already, nothing is said."""
    first, second = ((DEVICE,), holder) if is_newer else (holder, (DEVICE,))
    await desk.scribe.create(*first)
    await desk.scribe.create(*second)

    answer = await desk.call(IDENTIFY, DEVICE, BOX)

    assert ((ChangeKind.RETURNED, answer.mpid) in await desk.last_kinds()) is is_newer
    assert set(await desk.record(answer.mpid)) == {DEVICE, BOX}
