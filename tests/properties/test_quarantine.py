"""What is quarantined never finds anybody but the previous profile, and what is released is as it was."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idsync.model.changes import Outcome, Resolution
from idsync.model.errors import IdsyncError
from idsync.model.flag import Flag
from idsync.model.identity import Identity, Mpid, type_set
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.matching import Among, usable_logins, walk
from idsync.model.policy import Policy
from idsync.model.quarantine import FindableView, QuarantineRequest, Quarantining
from idsync.model.request import ResolveRequest
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.embedded.audit import check
from idsync.store.embedded.opening import open_store
from idsync.store.memory import MemoryStore
from idsync.store.postgres.address import read_address
from idsync.store.postgres.audit import check as check_on_server
from idsync.store.postgres.opening import open_store as open_on_postgres
from idsync.store.protocol import Store
from idsync.store.sql.schema import create
from idsync.testing.clock import ManualClock
from idsync.testing.graph_image import GraphImage, graph_image, renamed, replayed
from idsync.testing.graphs import Records, identity_maps, records, requests, view_of
from idsync.testing.player import Answer, Player, Refusal
from idsync.testing.policies import sound_policies
from idsync.testing.scribe import GRAPH
from idsync.testing.traffic import GRAPHS, Call, Deletion, Resolving, modifyings, resolvings
from tests.postgres import emptied, new_postgres, postgres_server, postgres_worker_url
from tests.properties.playing import STRATEGIES, any_scope
from tests.properties.undoing import apply

__all__ = ["new_postgres", "postgres_server", "postgres_worker_url"]

ALL = 1_000_000
SOME = 75 if settings.get_current_profile_name() == "long" else 10
POLICIES = [policy for strategy in STRATEGIES for policy in sound_policies(strategy)]


# -- the walk ------------------------------------------------------------------------------------------------


@given(st.data(), st.sampled_from(POLICIES), st.sampled_from(Among))
def test_the_walk_passes_over_what_is_quarantined(data: st.DataObject, policy: Policy, among: Among) -> None:
    """ID-060 to ID-064, ID-050, ID-051, ID-123 in plain words; look-ups find the previous profile only."""
    graph = data.draw(records(policy), "graph")
    request = data.draw(requests(policy), "request")
    brought = sorted(request.identities.values())
    chosen = data.draw(st.sets(st.sampled_from(brought)) if brought else st.just(set()), "quarantined")
    seen = FindableView(view_of(graph, request, policy), dict.fromkeys(chosen, 1), request.previous_mpid)

    match = walk(request, seen, policy, among)
    usable = usable_logins(request, seen, policy)

    left = _candidates(graph, request, policy, among, chosen)
    assert (match is None) is (not left)
    if match is not None:
        oldest_first = [mpid for mpid in graph if mpid in left]
        previous = request.previous_mpid
        assert match.mpid == (previous if previous in left else oldest_first[-1])
        assert match.candidates == len(left)
        assert match.decided_by not in chosen or match.mpid == previous
    assert usable == [
        identity
        for t, identity in request.identities.items()
        if t in policy.login
        if identity.type not in policy.unique or not any(identity in record for record in graph.values())
    ]


@given(st.data(), st.sampled_from(POLICIES), st.sampled_from(Among))
def test_without_a_quarantine_all_is_as_ever(data: st.DataObject, policy: Policy, among: Among) -> None:
    graph = data.draw(records(policy), "graph")
    request = data.draw(requests(policy), "request")
    view = view_of(graph, request, policy)

    assert walk(request, FindableView(view, {}, request.previous_mpid), policy, among) == walk(
        request, view, policy, among
    )


def _candidates(
    graph: Records, request: ResolveRequest, policy: Policy, among: Among, chosen: set[Identity]
) -> set[Mpid]:
    def found(mpid: Mpid, identity: Identity | None) -> bool:
        return (
            identity is not None
            and identity in graph[mpid]
            and (identity not in chosen or mpid == request.previous_mpid)
        )

    def is_eligible(mpid: Mpid) -> bool:
        if not policy.is_known(type_set(identity.type for identity in graph[mpid])):
            return True
        opens = any(found(mpid, request.identities.get(t)) for t in policy.login)
        needs_more = any(identity.type in policy.immutable for identity in graph[mpid])
        shown = any(found(mpid, request.identities.get(t)) for t in policy.immutable)
        return among is Among.ELIGIBLE and opens and (shown or not needs_more)

    def is_at_odds(mpid: Mpid, place: int) -> bool:
        above = [t for t in policy.priority[:place] if t in policy.unique and t in request.identities]
        has = {identity.type for identity in graph[mpid]}
        return policy.conflict_guard and any(
            t in has and request.identities[t] not in graph[mpid] for t in above
        )

    candidates: set[Mpid] = set()
    for place, t in enumerate(policy.priority):
        hits = {
            mpid
            for mpid in graph
            if found(mpid, request.identities.get(t)) and is_eligible(mpid) and not is_at_odds(mpid, place)
        }
        candidates = candidates & hits or candidates or hits
        if len(candidates) == 1:
            break
    return candidates


# -- traffic -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Order:
    """What an operator does to a value."""

    identity: Identity
    release: bool


Act: TypeAlias = Call | Order
Told: TypeAlias = Answer | Quarantining
_identities = identity_maps(min_size=1).map(lambda found: next(iter(found.values())))
_orders = st.builds(Order, _identities, st.sampled_from((False, False, True)))


def traffic(max_size: int = 16) -> st.SearchStrategy[list[Act]]:
    """Draw calls with orders among them."""
    calls = [each.map(lambda call: replace(call, graph=GRAPH)) for each in (resolvings(), modifyings())]
    deletions = st.builds(Deletion, st.just(GRAPH), st.integers(0, 4))
    acts = st.one_of(calls[0], calls[0], *calls, deletions, _orders, _orders)
    return st.lists(acts, min_size=3, max_size=max_size)


class _Operated(Player):
    """Plays what operators do as well."""

    def __init__(self, store: Store, scope: Scope, clock: ManualClock) -> None:
        super().__init__(store, scope, clock)
        self._of = (scope, clock)

    async def act(self, act: Act) -> Told:
        if not isinstance(act, Order):
            return await self.play(act)
        scope, clock = self._of
        resolver = Resolver(self.store, {graph.scope: scope for graph in GRAPHS}, clock)
        try:
            return await resolver.quarantine(QuarantineRequest(GRAPH, act.identity, release=act.release))
        except IdsyncError as error:
            return Refusal(type(error).__name__, error.reason)


def in_memory(scope: Scope) -> _Operated:
    clock = ManualClock()
    return _Operated(MemoryStore(clock=clock), scope, clock)


def _standing(
    entries: Sequence[JournalEntry],
) -> tuple[dict[Mpid, set[tuple[Identity, bool]]], set[Identity]]:
    """Add up records and quarantines, in the plainest way."""
    state: dict[Mpid, set[tuple[Identity, bool]]] = {}
    quarantined: set[Identity] = set()
    for entry in entries:
        apply(state, entry.changes)
        for change in entry.changes:
            if change.identity is not None and change.kind is ChangeKind.QUARANTINED:
                quarantined.add(change.identity)
            if change.identity is not None and change.kind is ChangeKind.RELEASED:
                quarantined.discard(change.identity)
            if change.kind is ChangeKind.PROFILE_ERASED:
                # what nobody holds any more has no flag
                held = {identity for record in state.values() for identity, _ in record}
                quarantined &= held
    return state, quarantined


async def _played(player: _Operated, acts: Sequence[Act], nodes: Sequence[Store] = ()) -> list[Told]:
    """Play, and look after each call whether it was led by anything but what may lead."""
    told: list[Told] = []
    for number, act in enumerate(acts):
        if nodes:
            player.go_on_with(nodes[number % len(nodes)])
        state, quarantined = _standing(await player.store.entries(GRAPH, 0, ALL))
        previous = None
        if isinstance(act, Resolving) and act.previous is not None:
            previous = player.mpid(act.previous)
        answer = await player.act(act)
        told.append(answer)
        if isinstance(act, Resolving) and isinstance(answer, Resolution) and act.idempotency_key is None:
            _require_led(act, answer, previous, state, quarantined)
        flagged = await player.store.flagged(GRAPH, {Flag.QUARANTINE}, ALL)
        now = _standing(await player.store.entries(GRAPH, 0, ALL))[1]
        assert {each.identity for each in flagged} == {identity for identity in now if identity.value}
    return told


def _require_led(
    call: Resolving,
    answer: Resolution,
    previous: Mpid | None,
    state: Mapping[Mpid, set[tuple[Identity, bool]]],
    quarantined: set[Identity],
) -> None:
    if answer.outcome in {Outcome.FOUND, Outcome.CONVERTED}:
        record = {identity for identity, is_described in state[answer.mpid] if not is_described}
        leading = record & set(call.identities.values())
        assert leading - quarantined or (leading and answer.mpid == previous)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the schema once: a copy is the same, and sooner there."""
    database = tmp_path_factory.mktemp("schema") / "graph.db"
    create(database)
    return database


@given(scope=any_scope, acts=traffic())
def test_quarantines_are_respected_by_any_later_traffic(
    empty_database: Path, scope: Scope, acts: list[Act]
) -> None:
    """In memory and on SQLite, which agree in all they answer and keep."""

    async def on_sqlite() -> tuple[list[Told], GraphImage]:
        with tempfile.TemporaryDirectory() as folder:
            database = Path(shutil.copy(empty_database, folder))
            clock = ManualClock()
            store = await open_store(f"sqlite:///{database}", clock=clock, cache_identities=3)
            try:
                result = await _told(_Operated(store, scope, clock), acts)
            finally:
                await store.close()
            _, differences = await asyncio.to_thread(check, database)
            assert differences == []
            return result

    _require_agreement(asyncio.run(_told(in_memory(scope), acts)), asyncio.run(on_sqlite()))


@pytest.mark.postgres
@settings(max_examples=SOME, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scope=any_scope, acts=traffic())
def test_quarantines_are_respected_on_every_node(
    postgres_worker_url: str, scope: Scope, acts: list[Act]
) -> None:
    """Whichever of two nodes is asked next; both agree with memory in all they answer and keep."""

    async def on_postgres() -> tuple[list[Told], GraphImage]:
        await emptied(postgres_worker_url)
        clock = ManualClock()
        nodes = [await open_on_postgres(postgres_worker_url, clock=clock) for _ in range(2)]
        try:
            result = await _told(_Operated(nodes[0], scope, clock), acts, nodes)
            _, differences = await check_on_server(read_address(postgres_worker_url))
            assert differences == []
            return result
        finally:
            for node in nodes:
                await node.close()

    _require_agreement(asyncio.run(_told(in_memory(scope), acts)), asyncio.run(on_postgres()))


async def _told(
    player: _Operated, acts: Sequence[Act], nodes: Sequence[Store] = ()
) -> tuple[list[Told], GraphImage]:
    told = await _played(player, acts, nodes)
    return told, await graph_image(player.store, GRAPH)


def _require_agreement(one: tuple[list[Told], GraphImage], other: tuple[list[Told], GraphImage]) -> None:
    first, second = (
        renamed(result, {mpid: n for n, mpid in enumerate(result[1].created(), start=1)})
        for result in (one, other)
    )

    assert first == second


@given(scope=any_scope, acts=traffic(), probes=st.lists(resolvings(), min_size=3, max_size=6))
def test_what_is_released_is_as_if_it_had_never_been_quarantined(
    scope: Scope, acts: list[Act], probes: list[Resolving]
) -> None:
    """The same graph without a word of quarantines gives every later call the same answer."""

    async def play() -> None:
        player = in_memory(scope)
        await _played(player, acts)
        for each in await player.store.flagged(GRAPH, {Flag.QUARANTINE}, ALL):
            await player.act(Order(each.identity, release=True))
        entries = await player.store.entries(GRAPH, 0, ALL)
        without = [entry for entry in entries if entry.cause not in {"quarantine", "release"}]
        clock = ManualClock()
        twin = Resolver(await replayed(without), {graph.scope: scope for graph in GRAPHS}, clock)

        for probe in probes:
            request = player.request(replace(probe, graph=GRAPH, read_only=True, idempotency_key=None))
            assert isinstance(request, ResolveRequest)
            expected = await _answer(twin, request)
            assert await player.send(request) == expected

    asyncio.run(play())


async def _answer(resolver: Resolver, request: ResolveRequest) -> Answer:
    try:
        return await resolver.resolve(request)
    except IdsyncError as error:
        return Refusal(type(error).__name__, error.reason)
