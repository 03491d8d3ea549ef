"""Whatever the traffic, nothing shows what only somebody erased had, and the chain stays whole (ID-212)."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idsync.model.errors import AlreadyErasedError
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import JournalEntry
from idsync.model.moment import Moment
from idsync.resolve.erasure import NAMED, ErasureOrder
from idsync.resolve.resolver import Resolver, Scope
from idsync.store.chain import ChainReport
from idsync.store.embedded.audit import check
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.sealing import check_chain
from idsync.store.memory import MemoryStore
from idsync.store.postgres.address import read_address
from idsync.store.postgres.audit import chain_reports
from idsync.store.postgres.audit import check as check_on_postgres
from idsync.store.postgres.opening import open_store as open_on_postgres
from idsync.store.protocol import Store
from idsync.store.sql.schema import create
from idsync.testing.clock import ManualClock
from idsync.testing.player import Player
from idsync.testing.traffic import GRAPHS, Call, traffic
from tests.postgres import emptied, new_postgres, postgres_server, postgres_worker_url
from tests.properties.playing import any_scope

__all__ = ["new_postgres", "postgres_server", "postgres_worker_url"]

SOME = 75 if settings.get_current_profile_name() == "long" else 10
_ALL = 1_000_000
_chosen = st.lists(st.integers(0, 9), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the schema once."""
    database = tmp_path_factory.mktemp("schema") / "graph.db"
    create(database)
    return database


@given(any_scope, traffic(max_size=20), _chosen, traffic(max_size=5))
def test_memory_forgets(scope: Scope, calls: list[Call], chosen: list[int], later: list[Call]) -> None:
    clock = ManualClock()
    asyncio.run(_forget(MemoryStore(clock=clock), clock, scope, calls, chosen, later))


@settings(max_examples=4 * SOME, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scope=any_scope, calls=traffic(max_size=20), chosen=_chosen, later=traffic(max_size=5))
def test_sqlite_forgets(
    empty_database: Path, scope: Scope, calls: list[Call], chosen: list[int], later: list[Call]
) -> None:
    """And its tables are what the journal says, whose chain is whole."""

    async def forget(database: Path) -> None:
        clock = ManualClock()
        store = await open_store(f"sqlite:///{database}", clock=clock, cache_identities=3)
        try:
            await _forget(store, clock, scope, calls, chosen, later)
        finally:
            await store.close()

    with tempfile.TemporaryDirectory() as folder:
        database = Path(shutil.copy(empty_database, folder))
        asyncio.run(forget(database))

        assert check(database)[1] == []
        _require_whole(check_chain(database))


@pytest.mark.postgres
@settings(max_examples=SOME, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scope=any_scope, calls=traffic(max_size=20), chosen=_chosen, later=traffic(max_size=5))
def test_postgres_forgets(
    postgres_worker_url: str, scope: Scope, calls: list[Call], chosen: list[int], later: list[Call]
) -> None:
    """The same; half of the entries are sealed before somebody is erased, the others after."""

    async def forget() -> None:
        clock = ManualClock()
        await emptied(postgres_worker_url)
        store = await open_on_postgres(postgres_worker_url, clock=clock)
        try:
            await _forget(store, clock, scope, calls, chosen, later)
            await store.seal()
        finally:
            await store.close()
        address = read_address(postgres_worker_url)

        assert (await check_on_postgres(address))[1] == []
        _require_whole(await chain_reports(address))

    asyncio.run(forget())


def _require_whole(reports: Sequence[ChainReport]) -> None:
    assert [(report.waiting, report.faults) for report in reports] == [(0, [])] * len(reports)


async def _forget(
    store: Store,
    clock: ManualClock,
    scope: Scope,
    calls: Sequence[Call],
    chosen: Sequence[int],
    later: Sequence[Call],
) -> None:
    player = Player(store, scope, clock)
    await player.play_all(calls[::2])
    await store.seal()
    await player.play_all(calls[1::2])
    resolver = Resolver(store, {graph.scope: scope for graph in GRAPHS}, clock)
    graphs = await store.graph_of({player.mpid(ordinal) for ordinal in chosen})
    gone: list[tuple[GraphKey, Mpid, set[Identity]]] = []
    for number, (mpid, graph) in enumerate(graphs.items()):
        had = {link.identity for link in (await store.traces(graph, [mpid])).links}
        order = ErasureOrder(
            graph, (mpid,), NAMED, (), f"id-{number}", "", "operator", lambda _: "key:digest"
        )
        try:
            await resolver.erase(order)
        except AlreadyErasedError:
            continue
        gone.append((graph, mpid, had))
    for graph, mpid, had in gone:
        await _require_forgotten(store, graph, mpid, had)
    await player.play_all(later)
    for graph, mpid, _ in gone:
        profile = (await store.profiles(graph, [mpid]))[mpid]
        assert profile.erased
        assert not profile.identities
        assert not profile.descriptions


async def _require_forgotten(store: Store, graph: GraphKey, mpid: Mpid, had: set[Identity]) -> None:
    """Look everywhere for what the profile had, but for what the living hold."""
    entries = await store.entries(graph, 0, _ALL)
    mpids = {change.mpid for entry in entries for change in entry.changes}
    now = await store.profiles(graph, mpids)
    living = {r.identity for p in now.values() for r in (*p.identities, *p.descriptions)}
    lost = {identity for identity in had if identity.value} - living

    named = {identity for entry in entries for identity in _named(entry)}
    past = await store.profiles_at(graph, mpids, Moment(len(entries) - 1))
    before = {r.identity for p in past.values() for r in (*p.identities, *p.descriptions)}
    traced = await store.traces(graph, mpids)
    assert not lost & (named | before)
    assert not lost & ({link.identity for link in traced.links} | {v.identity for v in traced.values})
    for identity in lost:
        assert await store.links_of(graph, identity, 10) == []
        assert await store.find_profiles(graph, identity, 10) == []
        assert await store.find_profiles_at(graph, identity, Moment(len(entries) - 1), 10) == []
    about = await store.entries(graph, 0, _ALL, mpid)
    assert [entry for entry in about[:-1] if entry.request_id or entry.idempotency_key] == []


def _named(entry: JournalEntry) -> Iterator[Identity]:
    for change in entry.changes:
        if change.identity is not None:
            yield change.identity
        if change.terms is not None and change.terms.stamp is not None:
            yield change.terms.stamp
    yield from (*entry.evidence.asked, *entry.evidence.matched)
    if entry.evidence.decided_by is not None:
        yield entry.evidence.decided_by
