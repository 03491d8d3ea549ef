"""What a modify writes, answers and rests on (section 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idsync.model.errors import InvalidRequestError
from idsync.model.identity import Identity
from idsync.model.journal import ChangeKind
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.testing.store_checks.people import (
    CUSTOMER,
    DEVICE,
    MAIL,
    NICKNAME,
    OTHER_DEVICE,
    OTHER_MAIL,
)
from tests.unit.resolve.desk import C, Desk, E, R, V

POLICY = Policy("profile_conversion", (C, V, E, R), login=frozenset({C}), unique=frozenset({C, R}))
BOX, OTHER_BOX = Identity(R, "box-1"), Identity(R, "box-2")


@pytest.fixture
def desk() -> Desk:
    return Desk(POLICY)


async def test_a_unique_value_is_taken_from_its_holder_once(desk: Desk) -> None:
    """ID-158: the second time he has nothing to lose any more."""
    target, loser = await desk.scribe.create(DEVICE), await desk.scribe.create(CUSTOMER)

    answer = await desk.modify(target, (None, CUSTOMER), (CUSTOMER, None), (None, CUSTOMER))

    assert answer.results == ((C, target), (C, loser), (C, target), (C, target))
    assert (await desk.last_kinds()).count((ChangeKind.IDENTITY_REMOVED, loser)) == 1
    assert await desk.scribe.holders(CUSTOMER) == [target]


async def test_a_value_given_back_was_never_gone(desk: Desk) -> None:
    """Only the net effect is written (ID-158), and nobody takes a value from himself (ID-156)."""
    target = await desk.scribe.create(DEVICE, CUSTOMER)

    answer = await desk.modify(target, (CUSTOMER, None), (None, CUSTOMER))

    assert (answer.results, answer.journal_seq) == (((C, target), (C, target)), 0)
    assert await desk.scribe.holders(CUSTOMER) == [target]


@pytest.mark.parametrize("state", ["anonymous", "known"])
async def test_a_unique_value_moves_whatever_its_holder_is(desk: Desk, state: str) -> None:
    """ID-156."""
    target = await desk.scribe.create(DEVICE)
    loser = await desk.scribe.create(BOX, *((CUSTOMER,) if state == "known" else ()))

    answer = await desk.modify(target, (None, BOX))

    assert answer.results == ((R, target), (R, loser))
    assert await desk.scribe.holders(BOX) == [target]


async def test_a_modify_says_who_became_known_and_who_anonymous(desk: Desk) -> None:
    """ID-161: the one whose login ID was taken is anonymous from now on."""
    target, loser = await desk.scribe.create(DEVICE), await desk.scribe.create(CUSTOMER, OTHER_DEVICE)

    await desk.modify(target, (None, CUSTOMER))

    kinds = await desk.last_kinds()
    assert (ChangeKind.BECAME_KNOWN, target) in kinds
    assert (ChangeKind.BECAME_ANONYMOUS, loser) in kinds


async def test_a_modify_that_changes_no_state_says_nothing_of_it(desk: Desk) -> None:
    target = await desk.scribe.create(DEVICE, CUSTOMER)

    await desk.modify(target, (None, MAIL))

    assert await desk.last_kinds() == [(ChangeKind.IDENTITY_ADDED, target)]


async def test_descriptions_are_changed_beside_the_record(desk: Desk) -> None:
    """ID-026, ID-163; what is there already is no change."""
    target = await desk.scribe.create(DEVICE)
    kept = Notice(NICKNAME.type, NoticeReason.OUTSIDE_PRIORITY)

    added = await desk.modify(target, (None, NICKNAME))
    again = await desk.modify(target, (None, NICKNAME))
    described = await desk.descriptions(target)
    removed = await desk.modify(target, (NICKNAME, None))

    assert added.results == removed.results == ((NICKNAME.type, target),)
    assert added.notices == again.notices == (kept,)
    assert (again.results, again.journal_seq) == ((), 0)
    assert (described, await desk.descriptions(target)) == ([NICKNAME], [])
    assert await desk.record(target) == [DEVICE]


async def test_the_oldest_value_makes_room_and_the_answer_says_so() -> None:
    """ID-074, with the notices of the call itself, which the journal keeps as well."""
    desk = Desk(replace(POLICY, max_per_type={E: 1}))
    target = await desk.scribe.create(DEVICE, MAIL)
    sent = Notice(V, NoticeReason.OUTSIDE_PRIORITY)

    answer = await desk.modify(target, (None, OTHER_MAIL), notices=(sent,))

    assert await desk.record(target) == [DEVICE, OTHER_MAIL]
    assert answer.notices == (sent, Notice(E, NoticeReason.OLDEST_DROPPED))
    assert (await desk.last()).evidence.notices == answer.notices


async def test_an_immutable_value_that_others_may_hold_too_is_given_once() -> None:
    """It is taken from nobody (ID-156); to give a second one is refused."""
    desk = Desk(replace(POLICY, immutable=frozenset({E})))
    target, other = await desk.scribe.create(DEVICE), await desk.scribe.create(MAIL)

    answer = await desk.modify(target, (None, MAIL))

    assert answer.results == ((E, target),)
    assert set(await desk.scribe.holders(MAIL)) == {target, other}
    with pytest.raises(InvalidRequestError):
        await desk.modify(target, (None, OTHER_MAIL))


async def test_a_modify_rests_on_all_that_it_touches_or_names(desk: Desk) -> None:
    """ID-041."""
    target, loser = await desk.scribe.create(DEVICE), await desk.scribe.create(CUSTOMER)

    planned = await desk.planned_modify(target, (None, CUSTOMER), (MAIL, None))

    assert planned.profiles == {mpid: await desk.version(mpid) for mpid in (target, loser)}
    assert planned.identities == {CUSTOMER: 2, MAIL: 0}


async def test_evidence_names_what_the_graph_has_or_gets(desk: Desk) -> None:
    """A value that is nowhere must not enter the dictionary by the journal."""
    target = await desk.scribe.create(DEVICE)
    await desk.scribe.create(OTHER_DEVICE)

    await desk.modify(target, (OTHER_MAIL, MAIL), (OTHER_DEVICE, None))

    assert set((await desk.last()).evidence.asked) == {MAIL, OTHER_DEVICE}
