"""The walk against the specification's own words, written down plainly and without any index."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from idsync.model.identity import Identity, IdentityType, Mpid, type_set
from idsync.model.matching import Among, walk
from idsync.model.policy import Policy
from idsync.model.request import ResolveRequest
from idsync.testing.graphs import Records, records, requests, view_of
from idsync.testing.policies import sound_policies
from tests.properties.playing import STRATEGIES

POLICIES = [policy for strategy in STRATEGIES for policy in sound_policies(strategy)]


@given(st.data(), st.sampled_from(POLICIES), st.sampled_from(Among))
def test_the_walk_finds_what_the_specification_says(
    data: st.DataObject, policy: Policy, among: Among
) -> None:
    """ID-060 to ID-067, ID-050 and ID-051; among anonymous profiles only for a logout (ID-132)."""
    graph = data.draw(records(policy), "graph")
    request = data.draw(requests(policy), "request")

    match = walk(request, view_of(graph, request, policy), policy, among)

    left = _candidates(graph, request, policy, among)
    assert (None if match is None else match.mpid) == _chosen(left, graph, request)
    assert (0 if match is None else match.candidates) == len(left)


def _candidates(graph: Records, request: ResolveRequest, policy: Policy, among: Among) -> set[Mpid]:
    candidates: set[Mpid] = set()
    for t in policy.priority:
        if t not in request.identities:
            continue
        hits = {
            mpid
            for mpid, record in graph.items()
            if request.identities[t] in record
            and _is_eligible(record, request, policy, among)
            and not (policy.conflict_guard and _is_at_odds_above(t, record, request, policy))
        }
        candidates = (candidates & hits or candidates) if candidates else hits
        if len(candidates) == 1:
            break
    return candidates


def _is_eligible(record: Sequence[Identity], request: ResolveRequest, policy: Policy, among: Among) -> bool:
    is_known = policy.is_known(type_set(identity.type for identity in record))
    if among is Among.ANONYMOUS:
        return not is_known
    return not is_known or (
        _has_one_of(record, request, policy.login)
        and (
            not any(identity.type in policy.immutable for identity in record)
            or _has_one_of(record, request, policy.immutable)
        )
    )


def _is_at_odds_above(
    walked: IdentityType, record: Sequence[Identity], request: ResolveRequest, policy: Policy
) -> bool:
    """Say whether a record has another value of a higher unique type than the request, and not the same."""
    higher = policy.priority[: policy.priority.index(walked)]
    return any(
        t in policy.unique
        and t in request.identities
        and request.identities[t] not in record
        and any(identity.type == t for identity in record)
        for t in higher
    )


def _has_one_of(record: Sequence[Identity], request: ResolveRequest, types: frozenset[IdentityType]) -> bool:
    return any(request.identities.get(t) in record for t in types)


def _chosen(candidates: set[Mpid], graph: Records, request: ResolveRequest) -> Mpid | None:
    if request.previous_mpid in candidates:
        return request.previous_mpid
    oldest_first = [mpid for mpid in graph if mpid in candidates]
    return oldest_first[-1] if oldest_first else None
