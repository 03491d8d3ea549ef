"""The walk with the conflict guard: who is passed over, and by which types (X-02)."""

from __future__ import annotations

from dataclasses import replace

from idsync.model.conflict import Conflicts
from idsync.model.decision import Match
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.matching import Among, walk
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.testing.graphs import Records, view_of
from idsync.testing.scribe import GRAPH
from idsync.testing.store_checks.people import (
    CUSTOMER,
    DEVICE,
    MAIL,
    OTHER_CUSTOMER,
    OTHER_DEVICE,
    OTHER_MAIL,
)

C, E, V = IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.IOS_IDFV
POLICY = Policy(
    "profile_conversion",
    (C, E, V),
    login=frozenset({C, E}),
    unique=frozenset({C, E}),
    conflict_guard=True,
)
LOOSE = replace(POLICY, login=frozenset({C}))
"""An address is unique, and makes nobody known."""
OLDER, NEWER = 9, 5


def walked(
    graph: Records,
    *identities: Identity,
    policy: Policy = POLICY,
    previous: Mpid | None = None,
    among: Among = Among.ELIGIBLE,
) -> Match | None:
    request = ResolveRequest(Operation.IDENTIFY, GRAPH, {i.type: i for i in identities}, previous)
    return walk(request, view_of(graph, request, policy), policy, among)


def test_who_has_another_value_of_a_higher_type_is_passed_over() -> None:
    graph = {OLDER: [CUSTOMER, MAIL]}

    assert walked(graph, OTHER_CUSTOMER, MAIL) is None
    assert walked(graph, OTHER_CUSTOMER, MAIL, policy=replace(POLICY, conflict_guard=False)) is not None


def test_who_has_none_of_the_type_is_not() -> None:
    assert walked({OLDER: [MAIL]}, OTHER_CUSTOMER, MAIL) == Match(OLDER, True, MAIL, 1)


def test_who_has_the_same_value_among_others_is_not() -> None:
    graph = {OLDER: [CUSTOMER, OTHER_CUSTOMER, MAIL]}

    assert walked(graph, OTHER_CUSTOMER, MAIL) == Match(OLDER, True, OTHER_CUSTOMER, 1)


def test_a_lower_type_is_no_hindrance() -> None:
    """A customer with a new address is the same customer."""
    assert walked({OLDER: [CUSTOMER, MAIL]}, CUSTOMER, OTHER_MAIL) == Match(OLDER, True, CUSTOMER, 1)


def test_a_type_that_is_not_unique_is_none_either() -> None:
    policy = replace(POLICY, unique=frozenset({E}))

    assert walked({OLDER: [CUSTOMER, MAIL]}, OTHER_CUSTOMER, MAIL, policy=policy) is not None


def test_the_next_type_leads_on() -> None:
    """ID-061: passed over is not found; somebody else of the device is."""
    graph = {OLDER: [CUSTOMER, MAIL], NEWER: [DEVICE]}

    assert walked(graph, OTHER_CUSTOMER, MAIL, DEVICE) == Match(NEWER, False, DEVICE, 1)


def test_anonymous_profiles_are_passed_over_too() -> None:
    graph = {OLDER: [DEVICE], NEWER: [MAIL, DEVICE]}

    assert walked(graph, OTHER_MAIL, DEVICE, policy=LOOSE) == Match(OLDER, False, DEVICE, 1)
    assert walked(graph, OTHER_MAIL, DEVICE, policy=LOOSE, among=Among.ANONYMOUS) == Match(
        OLDER, False, DEVICE, 1
    )
    assert walked(graph, DEVICE, policy=LOOSE) == Match(NEWER, False, DEVICE, 2)


def test_it_is_no_matter_whether_somebody_else_has_the_value() -> None:
    """He is protected (ID-050), and no reason to take the one of the device."""
    graph = {OLDER: [CUSTOMER, OTHER_MAIL], NEWER: [MAIL, DEVICE]}

    assert walked(graph, OTHER_MAIL, DEVICE, policy=LOOSE) is None


def test_a_tie_is_no_way_around_it() -> None:
    """ID-064: the previous profile must be a candidate."""
    graph = {OLDER: [DEVICE], NEWER: [MAIL, DEVICE]}

    assert walked(graph, OTHER_MAIL, DEVICE, policy=LOOSE, previous=NEWER) == Match(OLDER, False, DEVICE, 1)


def test_narrowing_leaves_out_who_is_at_odds_by_then() -> None:
    """ID-062: both have the customer ID; the device leads to who has no other address."""
    shared = replace(LOOSE, unique=frozenset({E}), login=frozenset())
    graph = {OLDER: [CUSTOMER, DEVICE], NEWER: [CUSTOMER, MAIL, DEVICE]}

    assert walked(graph, CUSTOMER, OTHER_MAIL, DEVICE, policy=shared) == Match(OLDER, False, DEVICE, 1)
    assert walked(graph, CUSTOMER, OTHER_MAIL, OTHER_DEVICE, policy=shared) == Match(
        NEWER, False, CUSTOMER, 2
    )


def test_with_unique_login_ids_no_anonymous_profile_needs_a_look() -> None:
    """A device of ten thousand visitors costs what one of two does."""
    identities = {i.type: i for i in (OTHER_CUSTOMER, OTHER_MAIL, DEVICE)}
    request = ResolveRequest(Operation.IDENTIFY, GRAPH, identities)
    view = view_of({OLDER: [DEVICE]}, request, POLICY)

    assert Conflicts(request, view, POLICY).above(V, is_known=False) == 0
    assert Conflicts(request, view, POLICY).above(V, is_known=True) == C.bit | E.bit
    assert Conflicts(request, view, LOOSE).above(V, is_known=False) == E.bit
