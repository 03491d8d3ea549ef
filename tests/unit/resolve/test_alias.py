"""Alias requests at the edges: times, scopes, and the history that they are judged by (section 10)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from idsync.model.aliasing import AliasRecord, AliasState, AliasTerms
from idsync.model.changes import ChangeSet
from idsync.model.errors import InvalidAliasError
from idsync.model.identity import Mpid
from idsync.model.journal import Change, ChangeKind
from idsync.model.policy import Policy
from idsync.model.request import AliasRequest
from idsync.resolve.alias import TOLERANCE_MS, plan_alias, plan_due, terms_of
from idsync.testing.clock import START_MS
from idsync.testing.scribe import GRAPH
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL
from tests.unit.resolve.desk import C, Desk, E, V

POLICY = Policy("profile_conversion", (C, E, V), login=frozenset({C}), unique=frozenset({C}))
DAY_MS: Final = 86_400_000
EARLIEST_MS: Final = START_MS - POLICY.alias_max_window_days * DAY_MS
REQUEST = AliasRequest(GRAPH, 1, 2)


def test_a_request_without_times_reaches_as_far_back_as_it_may() -> None:
    """ID-183; it is carried out after the delay (ID-187)."""
    terms = terms_of(REQUEST, POLICY, START_MS)

    assert (terms.start_ms, terms.end_ms) == (EARLIEST_MS, START_MS)
    assert (terms.scope, terms.stamp) == ("mpid", None)
    assert terms.apply_at_ms == START_MS + POLICY.alias_delay_s * 1_000


@pytest.mark.parametrize(
    ("start_ms", "end_ms"),
    [
        (EARLIEST_MS - TOLERANCE_MS, START_MS),
        (EARLIEST_MS, START_MS + TOLERANCE_MS),
        (START_MS, START_MS),
    ],
    ids=["start at the limit", "end at the limit", "a moment"],
)
def test_times_may_be_off_by_the_tolerance(start_ms: int, end_ms: int) -> None:
    """ID-183: clocks differ by five minutes."""
    terms = terms_of(replace(REQUEST, start_ms=start_ms, end_ms=end_ms), POLICY, START_MS)

    assert (terms.start_ms, terms.end_ms) == (start_ms, end_ms)


@pytest.mark.parametrize(
    ("start_ms", "end_ms"),
    [
        (EARLIEST_MS - TOLERANCE_MS - 1, START_MS),
        (EARLIEST_MS, START_MS + TOLERANCE_MS + 1),
        (START_MS, START_MS - 1),
    ],
    ids=["start too early", "end too late", "end before the start"],
)
def test_times_beyond_the_tolerance_are_refused(start_ms: int, end_ms: int) -> None:
    """ID-183."""
    with pytest.raises(InvalidAliasError):
        terms_of(replace(REQUEST, start_ms=start_ms, end_ms=end_ms), POLICY, START_MS)


def test_a_stamp_makes_a_request_one_of_its_device() -> None:
    """Where it does not say so itself (ID-184)."""
    terms = terms_of(replace(REQUEST, stamp="stamp-1"), POLICY, START_MS)

    assert terms.scope == "device"
    assert terms.stamp is not None
    assert terms.stamp.value == "stamp-1"


def test_a_blank_stamp_is_none() -> None:
    """ID-024: it names no device, so the request is one of the whole profile (ID-184)."""
    terms = terms_of(replace(REQUEST, stamp="  "), POLICY, START_MS)

    assert (terms.scope, terms.stamp) == ("mpid", None)


async def test_history_counts_as_far_as_it_was_taken() -> None:
    """ID-186: an ignored request is none, and a past destination may receive again."""
    desk = Desk(POLICY)
    one, two, three = [await desk.scribe.create(identity) for identity in (CUSTOMER, MAIL, DEVICE)]
    await _taken(desk, _terms(one, two), ignored=True)

    anew = await _plan(desk, _terms(one, two))
    await _taken(desk, _terms(one, two))
    other_source = await _plan(desk, _terms(three, two))
    other_way = await _plan(desk, _terms(two, three))

    assert [planned.rule for planned in (anew, other_source, other_way)] == [
        "alias/taken",
        "alias/taken",
        "alias/ignored",
    ]


@pytest.mark.parametrize(
    ("start", "end", "rule"),
    [
        (0, 9, "alias/taken"),
        (0, 10, "alias/ignored"),
        (12, 13, "alias/ignored"),
        (20, 30, "alias/ignored"),
        (21, 30, "alias/taken"),
    ],
)
async def test_times_of_one_source_may_not_overlap(start: int, end: int, rule: str) -> None:
    """ID-186: both ends belong to a request."""
    desk = Desk(POLICY)
    one, two, three = [await desk.scribe.create(identity) for identity in (CUSTOMER, MAIL, DEVICE)]
    await _taken(desk, _terms(one, two, 10, 20))

    assert (await _plan(desk, _terms(one, three, start, end))).rule == rule


async def test_a_request_rests_on_both_profiles() -> None:
    """Two that judge each other's history cannot both be taken unseen (ID-186)."""
    desk = Desk(POLICY)
    pair = await desk.scribe.create(CUSTOMER), await desk.scribe.create(MAIL)

    taken = await _plan(desk, _terms(*pair))
    record = await _taken(desk, _terms(*pair))
    due = await _plan_due(desk, record)

    assert taken.profiles == dict(zip(pair, (1, 2), strict=True))
    assert due is not None
    assert due.profiles == dict.fromkeys(pair, 3)
    assert (due.rule, due.changes[0].alias_seq) == ("alias/applied", 3)


@pytest.mark.parametrize("gone", [0, 1], ids=["source", "destination"])
async def test_a_due_request_for_an_erased_profile_is_ignored(gone: int) -> None:
    """ID-187; whichever of the two it was."""
    desk = Desk(POLICY)
    pair = await desk.scribe.create(CUSTOMER), await desk.scribe.create(MAIL)
    record = await _taken(desk, _terms(*pair))
    await desk.scribe.erase(pair[gone])

    due = await _plan_due(desk, record)

    assert due is not None
    assert due.rule == "alias/profile-erased"
    assert due.changes[0].reason == "profile-erased"
    assert list(due.profiles) == [pair[1 - gone]]


async def test_a_request_is_carried_out_once() -> None:
    """ID-187: a second worker finds nothing to do."""
    desk = Desk(POLICY)
    pair = await desk.scribe.create(CUSTOMER), await desk.scribe.create(MAIL)
    record = await _taken(desk, _terms(*pair))
    await desk.scribe.write(
        pair[0], Change(ChangeKind.ALIAS_APPLIED, pair[0], other=pair[1], alias_seq=record.seq)
    )

    assert await _plan_due(desk, record) is None


def _terms(source: Mpid, destination: Mpid, start_ms: int = 10, end_ms: int = 20) -> AliasTerms:
    return AliasTerms(source, destination, start_ms, end_ms, "mpid", None, START_MS)


async def _plan(desk: Desk, terms: AliasTerms) -> ChangeSet:
    view = await desk.scribe.look(profiles=[terms.source, terms.destination], aliases=True)
    return plan_alias(AliasRequest(GRAPH, terms.source, terms.destination), terms, view)


async def _plan_due(desk: Desk, record: AliasRecord) -> ChangeSet | None:
    view = await desk.scribe.look(profiles=[record.terms.source, record.terms.destination], aliases=True)
    return plan_due(GRAPH, record, view)


async def _taken(desk: Desk, terms: AliasTerms, *, ignored: bool = False) -> AliasRecord:
    changes = [Change(ChangeKind.ALIAS_TAKEN, terms.source, other=terms.destination, terms=terms)]
    if ignored:
        changes.append(Change(ChangeKind.ALIAS_IGNORED, terms.source, other=terms.destination, reason="x"))
    applied = await desk.scribe.write(terms.source, *changes)
    return AliasRecord(applied.seq, terms, AliasState.PENDING, START_MS)
