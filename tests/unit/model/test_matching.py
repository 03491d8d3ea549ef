"""The walk, one question at a time (section 4 of the specification)."""

from __future__ import annotations

import pytest

from idsync.model.decision import Match
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.matching import Among, usable_logins, walk
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.testing.graphs import Records, view_of
from idsync.testing.scribe import GRAPH
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, OTHER_CUSTOMER, OTHER_MAIL

C, E, V, R = IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.IOS_IDFV, IdentityType.ROKU_AID
POLICY = Policy("profile_conversion", (C, E, V, R), login=frozenset({C}), unique=frozenset({C}))
GUARDED = Policy("profile_conversion", (C, E, V, R), login=frozenset({C}), immutable=frozenset({E}))
BOX = Identity(R, "box")
OLDER, NEWER = 9, 5
"""The name says nothing about the order: what comes last in a graph was returned last."""


def walked(
    graph: Records,
    *identities: Identity,
    policy: Policy = POLICY,
    previous: Mpid | None = None,
    among: Among = Among.ELIGIBLE,
) -> Match | None:
    request = _request(identities, previous)
    return walk(request, view_of(graph, request, policy), policy, among)


def _request(identities: tuple[Identity, ...], previous: Mpid | None = None) -> ResolveRequest:
    return ResolveRequest(Operation.IDENTIFY, GRAPH, {i.type: i for i in identities}, previous)


def test_a_known_profile_without_immutable_ids_needs_a_login_id_only() -> None:
    """ID-051 asks for what is on its record, not for what the policy knows."""
    match = walked({OLDER: [CUSTOMER, DEVICE]}, CUSTOMER, policy=GUARDED)

    assert match == Match(OLDER, True, CUSTOMER, 1)


def test_an_immutable_id_opens_nobody_who_has_another() -> None:
    """ID-051: somebody else holds the one of the request."""
    match = walked(
        {OLDER: [CUSTOMER, MAIL], NEWER: [OTHER_MAIL, OTHER_CUSTOMER]}, CUSTOMER, OTHER_MAIL, policy=GUARDED
    )

    assert match is None


def test_a_logout_finds_no_known_profile_whatever_it_names() -> None:
    """ID-132."""
    graph = {OLDER: [DEVICE], NEWER: [CUSTOMER, DEVICE]}

    assert walked(graph, CUSTOMER, DEVICE, among=Among.ANONYMOUS) == Match(OLDER, False, DEVICE, 1)
    assert walked(graph, CUSTOMER, DEVICE) == Match(NEWER, True, CUSTOMER, 1)


def test_the_walk_ends_with_one_candidate() -> None:
    """ID-062: what comes after it in the priority has no say."""
    match = walked({OLDER: [MAIL], NEWER: [DEVICE, BOX]}, MAIL, DEVICE, BOX)

    assert match == Match(OLDER, False, MAIL, 1)


def test_the_identity_that_left_fewer_decided() -> None:
    """ID-063: one that left all of them has settled nothing."""
    match = walked({OLDER: [MAIL, DEVICE], NEWER: [MAIL, DEVICE]}, MAIL, DEVICE)

    assert match == Match(NEWER, False, MAIL, 2)


@pytest.mark.parametrize("is_known", [True, False])
def test_the_previous_profile_wins_among_those_left(is_known: bool) -> None:
    """ID-064, before the one returned last (ID-065)."""
    policy = Policy("profile_conversion", (E, V), login=frozenset({E} if is_known else ()))
    graph = {OLDER: [MAIL], NEWER: [MAIL]}

    assert walked(graph, MAIL, policy=policy, previous=OLDER) == Match(OLDER, is_known, MAIL, 2)
    assert walked(graph, MAIL, policy=policy, previous=1) == Match(NEWER, is_known, MAIL, 2)


@pytest.mark.parametrize("record", [[MAIL], [MAIL, CUSTOMER]], ids=["anonymous", "known"])
def test_of_several_the_one_returned_last_wins(record: list[Identity]) -> None:
    """ID-065, whatever the names are."""
    policy = Policy("profile_conversion", (C, E), login=frozenset({C}))
    graph = {OLDER: record, 7: record, NEWER: record}
    turned = dict(reversed(graph.items()))

    found = [walked(records, *record, policy=policy) for records in (graph, turned)]

    assert [(match.mpid, match.candidates) for match in found if match] == [(NEWER, 3), (OLDER, 3)]


def test_a_login_id_that_is_not_unique_can_always_be_put_on_a_new_profile() -> None:
    """ID-123: only a unique value is somebody's alone, and only if somebody has it."""
    request = _request((CUSTOMER, MAIL, DEVICE))
    both = frozenset({C, E})
    graph = {OLDER: [CUSTOMER, MAIL]}

    usable = [
        usable_logins(request, view_of(records, request, policy), policy)
        for records in (graph, {})
        for unique in (frozenset(), frozenset({C}), both)
        for policy in [Policy("profile_conversion", (C, E, V), login=both, unique=unique)]
    ]

    assert usable == [[CUSTOMER, MAIL], [MAIL], [], *[[CUSTOMER, MAIL]] * 3]
