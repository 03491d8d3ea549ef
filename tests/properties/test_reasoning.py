"""Reasoning says what the resolver does, before it does it and afterwards, and its alternatives hold."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from idsync.model.changes import Outcome, Resolution
from idsync.model.errors import IdsyncError
from idsync.model.journal import NEW, ChangeKind
from idsync.model.matching import Among, walk
from idsync.model.policy import Policy
from idsync.model.profile import Profile, RecordedIdentity
from idsync.model.request import ResolveRequest
from idsync.resolve.reasoner import Reasoner
from idsync.resolve.reasoning import Alteration, Kind
from idsync.resolve.recorded_view import RecordedView
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.visits import visits
from idsync.testing.graphs import Records, records, requests, view_of
from idsync.testing.player import Player
from idsync.testing.policies import sound_policies
from idsync.testing.scribe import GRAPH
from idsync.testing.traffic import GRAPHS, Call, modifyings, resolvings, traffic
from tests.properties.playing import STRATEGIES, any_scope, memory_player

_POLICIES = [policy for strategy in STRATEGIES for policy in sound_policies(strategy)]
# The order among those that share a value is the graph's business, and no part of an answer (ID-011).
_UNTOLD = {ChangeKind.RETURNED, ChangeKind.ACTIVE}


def _reasoner(player: Player, scope: Scope) -> Reasoner:
    return Reasoner(player.store, {graph.scope: scope for graph in GRAPHS})


async def _answered(resolver: Resolver, request: ResolveRequest) -> Resolution | IdsyncError:
    try:
        return await resolver.resolve(request)
    except IdsyncError as error:
        return error


@given(any_scope, traffic(), st.data())
async def test_it_foretells_the_answer(scope: Scope, calls: list[Call], data: st.DataObject) -> None:
    """Whatever the traffic: who is returned, by which rule, what is written and what withheld."""
    player = memory_player(scope)
    await player.play_all(calls)
    call = replace(data.draw(resolvings()), idempotency_key=None)
    request = player.request(call)
    assert isinstance(request, ResolveRequest)

    told = await _reasoner(player, scope).now(request)
    last = await player.store.last_seq(request.graph)
    answer = await _answered(Resolver(player.store, {request.graph.scope: scope}, lambda: 0), request)

    assert told.is_whole
    if isinstance(answer, IdsyncError):
        assert told.ending == (None, Outcome.REFUSED, answer.metadata.get("rule", ""), str(answer))
        return
    mpid = None if answer.outcome is Outcome.CREATED else answer.mpid
    assert told.ending == (mpid, answer.outcome, answer.rule, "")
    assert (told.decided_by, told.notices) == (answer.decided_by, answer.notices)
    entries = await player.store.entries(request.graph, last, 1)
    written = entries[0].changes if entries else ()
    assert [c for c in told.changes if c.kind not in _UNTOLD] == [
        c if mpid is not None else c._replace(mpid=NEW) for c in written if c.kind not in _UNTOLD
    ]


@given(any_scope, st.lists(st.one_of(resolvings(), resolvings(), modifyings()), min_size=1, max_size=12))
async def test_it_tells_of_entries_what_was_decided(scope: Scope, calls: list[Call]) -> None:
    """What was known just before an entry leads to it again."""
    player = memory_player(scope)
    await player.play_all(calls)

    for graph in GRAPHS:
        for entry in await player.store.entries(graph, 0, 100):
            told = await _reasoner(player, scope).then(entry)
            if told is not None:
                created = any(change.kind is ChangeKind.PROFILE_CREATED for change in entry.changes)
                assert told.ending.rule == entry.rule
                assert told.ending.mpid == (None if created else entry.mpid)


@given(any_scope, traffic(), st.data())
async def test_an_altered_request_ends_as_was_said(
    scope: Scope, calls: list[Call], data: st.DataObject
) -> None:
    player = memory_player(scope)
    await player.play_all(calls)
    request = player.request(replace(data.draw(resolvings()), idempotency_key=None))
    assert isinstance(request, ResolveRequest)
    reasoner = _reasoner(player, scope)

    told = await reasoner.now(request)

    for alternative in told.alternatives:
        again = await reasoner.now(_altered(request, alternative.alterations))
        assert again.ending == alternative.ending
        assert again.ending.outcome is not Outcome.REFUSED
        assert told.ending.outcome is Outcome.REFUSED or again.ending.mpid != told.ending.mpid


def _altered(request: ResolveRequest, alterations: tuple[Alteration, ...]) -> ResolveRequest:
    identities = dict(request.identities)
    for kind, identity in alterations:
        if kind is Kind.LEAVE_OUT_PREVIOUS:
            request = replace(request, previous_mpid=None)
            continue
        assert identity is not None
        if kind is Kind.BRING:
            identities[identity.type] = identity
        else:
            del identities[identity.type]
    return replace(request, identities=identities)


@given(st.data(), st.sampled_from(_POLICIES))
def test_what_is_told_of_the_walk_is_the_walk(data: st.DataObject, policy: Policy) -> None:
    """ID-060 to ID-063: as many candidates are left, and where they became fewer last it was decided."""
    graph = data.draw(records(policy))
    request = data.draw(requests(policy))
    match = walk(request, view_of(graph, request, policy), policy, Among.ELIGIBLE)
    told = visits(request, _whole(graph, policy), policy)

    assert (0 if match is None else match.candidates) == (told[-1].candidates if told else 0)
    for visit in told:
        assert visit.eligible + visit.protected_count == visit.known + visit.anonymous
    if match is not None:
        counts = [visit.candidates for visit in told]
        narrowed = [
            visit.identity
            for before, visit in zip([0, *counts], told, strict=False)
            if visit.candidates and (visit.candidates < before or not before)
        ]
        assert narrowed[-1] == match.decided_by


def _whole(graph: Records, policy: Policy) -> RecordedView:
    return RecordedView(
        [
            Profile(
                mpid,
                GRAPH,
                False,
                tuple(RecordedIdentity(identity, seq, seq, "suite/written") for identity in record),
                (),
                None,
                seq,
                seq,
                None,
                seq,
                (),
            )
            for seq, (mpid, record) in enumerate(graph.items(), start=1)
        ],
        policy.login_set,
    )
