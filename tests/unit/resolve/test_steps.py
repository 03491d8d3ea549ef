"""Calls as steps: what each refuses, leaves out and rests on before it decides anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idsync.model.changes import Outcome
from idsync.model.errors import InvalidRequestError, LookupFailedError, NotFoundError
from idsync.model.identity import IdentityType
from idsync.model.journal import ChangeKind
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import Operation
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, OTHER_DEVICE, OTHER_MAIL
from tests.unit.resolve.desk import C, Desk, E, V

POLICY = Policy("profile_conversion", (C, V, E), login=frozenset({C}), unique=frozenset({C}))
IDENTIFY, LOGIN, LOGOUT, SEARCH = Operation.IDENTIFY, Operation.LOGIN, Operation.LOGOUT, Operation.SEARCH
ONCE = {"input_id": "shop/web", "idempotency_key": "once"}


@pytest.fixture
def desk() -> Desk:
    return Desk(POLICY)


async def test_a_logout_leaves_login_ids_out_and_keeps_all_else_it_was_sent(desk: Desk) -> None:
    """ID-084: whatever the call said besides holds as well."""
    sent = Notice(IdentityType.OTHER2, NoticeReason.OUTSIDE_PRIORITY)

    answer = await desk.call(LOGOUT, CUSTOMER, DEVICE, request_id="r-1", input_id="shop/web", notices=(sent,))

    entry = await desk.last()
    assert answer.notices == (sent, Notice(C, NoticeReason.LOGIN_ID_IN_LOGOUT))
    assert (entry.request_id, entry.input_id) == ("r-1", "shop/web")
    assert await desk.record(answer.mpid) == [DEVICE]


async def test_a_logout_that_may_only_read_writes_nothing(desk: Desk) -> None:
    """ID-088, also where it named a login ID."""
    with pytest.raises(NotFoundError):
        await desk.call(LOGOUT, CUSTOMER, DEVICE, read_only=True)

    assert await desk.scribe.journal() == []


async def test_a_search_shows_only_what_an_immutable_id_opens() -> None:
    """ID-086: one that the match holds, not one that somebody else does."""
    desk = Desk(replace(POLICY, immutable=frozenset({E})))
    mpid = await desk.scribe.create(DEVICE, MAIL)
    await desk.scribe.create(OTHER_MAIL)

    with pytest.raises(NotFoundError):
        await desk.call(SEARCH, DEVICE, OTHER_MAIL)
    assert (await desk.call(SEARCH, DEVICE, MAIL)).mpid == mpid


async def test_a_call_that_may_only_read_needs_no_immutable_id() -> None:
    """ID-086 is about searches."""
    desk = Desk(replace(POLICY, immutable=frozenset({E})))
    mpid = await desk.scribe.create(DEVICE, MAIL)

    assert (await desk.call(IDENTIFY, DEVICE, read_only=True)).mpid == mpid


async def test_a_refusal_names_its_rule() -> None:
    """ID-082."""
    desk = Desk(replace(POLICY, strategy="profile_link"))

    with pytest.raises(LookupFailedError) as refusal:
        await desk.call(LOGIN, DEVICE)

    assert refusal.value.metadata == {"rule": "link/login-without-login-id"}


async def test_a_refusal_rests_on_what_was_looked_at(desk: Desk) -> None:
    """ID-041: that there is nobody must hold when it is said."""
    planned = await desk.planned(SEARCH, DEVICE, **ONCE)

    assert planned.identities == {DEVICE: 0}
    assert (planned.input_id, planned.idempotency_key) == ("shop/web", "once")


async def test_a_logout_sent_again_is_answered_again(desk: Desk) -> None:
    """With its key it makes no second profile (ID-042)."""
    first = await desk.call(LOGOUT, DEVICE, **ONCE)
    again = await desk.call(LOGOUT, DEVICE, **ONCE)
    other = await desk.call(LOGOUT, DEVICE, input_id="shop/app", idempotency_key="once")

    assert again == first
    assert again.outcome is Outcome.CREATED
    assert other.mpid != first.mpid


async def test_a_logout_sent_again_says_what_it_had_matched() -> None:
    """ID-042, for a logout that returned to a profile (ID-132)."""
    desk = Desk(replace(POLICY, strategy="profile_isolation"))
    await desk.scribe.create(DEVICE)

    first = await desk.call(LOGOUT, DEVICE, CUSTOMER, MAIL, **ONCE)
    again = await desk.call(LOGOUT, DEVICE, CUSTOMER, MAIL, **ONCE)

    assert (first.outcome, first.matched, first.decided_by) == (Outcome.FOUND, (DEVICE,), DEVICE)
    assert again == first


async def test_a_key_of_another_request_is_refused(desk: Desk) -> None:
    """Rather than answered wrongly (ID-042)."""
    await desk.call(LOGOUT, DEVICE, **ONCE)

    with pytest.raises(InvalidRequestError):
        await desk.call(LOGOUT, OTHER_DEVICE, **ONCE)
    with pytest.raises(InvalidRequestError):
        await desk.call(LOGIN, DEVICE, **ONCE)


async def test_a_logout_sent_again_shows_no_value_erased_meanwhile() -> None:
    """ID-212: what it had matched is told as far as it is still there (ID-042)."""
    desk = Desk(replace(POLICY, strategy="profile_isolation"))
    mpid = await desk.scribe.create(DEVICE)
    first = await desk.call(LOGOUT, DEVICE, MAIL, **ONCE)
    await desk.delete(mpid)

    again = await desk.call(LOGOUT, DEVICE, MAIL, **ONCE)

    assert (again.mpid, again.outcome, again.journal_seq) == (mpid, Outcome.FOUND, first.journal_seq)
    assert (first.matched, again.matched) == ((DEVICE,), ())


async def test_a_modify_sent_again_is_answered_again(desk: Desk) -> None:
    """Whatever became of the record since (ID-042, ID-159)."""
    mpid = await desk.scribe.create(CUSTOMER, MAIL)

    first = await desk.modify(mpid, (MAIL, OTHER_MAIL), **ONCE)
    await desk.modify(mpid, (OTHER_MAIL, MAIL))
    again = await desk.modify(mpid, (MAIL, OTHER_MAIL), **ONCE)

    assert (first.results, first.is_logged_in) == (((E, mpid),), True)
    assert again == first
    assert await desk.record(mpid) == [CUSTOMER, MAIL]


async def test_a_modify_with_the_key_of_another_request_is_refused(desk: Desk) -> None:
    """ID-042: of a modify of another profile, and of a call that is no modify."""
    first = await desk.call(LOGOUT, DEVICE, **ONCE)
    other = await desk.scribe.create(OTHER_DEVICE)
    await desk.modify(other, (None, MAIL), input_id="shop/web", idempotency_key="twice")

    for key in ("once", "twice"):
        with pytest.raises(InvalidRequestError):
            await desk.modify(first.mpid, (None, MAIL), input_id="shop/web", idempotency_key=key)
    assert await desk.record(first.mpid) == [DEVICE]


async def test_a_refused_modify_rests_on_the_profile_as_it_was() -> None:
    """ID-041: an immutable value may have gone by the time that it is said."""
    desk = Desk(replace(POLICY, immutable=frozenset({E})))
    mpid = await desk.scribe.create(DEVICE, MAIL)

    planned = await desk.planned_modify(mpid, (MAIL, OTHER_MAIL))

    assert (planned.changes, planned.profiles) == ((), {mpid: 1})


async def test_a_deleted_profile_is_deleted_once(desk: Desk) -> None:
    """ID-212: the second time there is none."""
    mpid = await desk.scribe.create(DEVICE)

    removed = [await desk.delete(mpid), await desk.delete(mpid), await desk.delete(mpid + 1)]

    assert removed == [True, False, False]
    assert await desk.last_kinds() == [(ChangeKind.PROFILE_ERASED, mpid)]
    assert len(await desk.scribe.journal()) == 2
