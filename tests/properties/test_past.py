"""A look at the past shows the state folded up to there, on both clocks, but for what was erased since."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings

from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.moment import Moment
from idsync.model.profile import Profile, RecordedIdentity
from idsync.resolve.resolver import Scope
from idsync.store.embedded.opening import open_store
from idsync.store.memory import MemoryStore
from idsync.store.postgres.opening import open_store as open_on_postgres
from idsync.store.protocol import Store
from idsync.store.sql.schema import create
from idsync.testing.clock import ManualClock
from idsync.testing.graph_image import replayed
from idsync.testing.player import Player
from idsync.testing.traffic import GRAPHS, Call, Deletion, traffic
from tests.postgres import emptied, new_postgres, postgres_server, postgres_worker_url
from tests.properties.playing import any_scope

__all__ = ["new_postgres", "postgres_server", "postgres_worker_url"]

SOME = 75 if settings.get_current_profile_name() == "long" else 10
"""A case takes half a second on PostgreSQL."""

_ALL = 1_000_000

Opening: TypeAlias = Callable[[ManualClock], AbstractAsyncContextManager[Store]]


@dataclass(frozen=True)
class Seen:
    """What one graph showed while it was the present."""

    graph: GraphKey
    seq: int
    now_ms: int
    profiles: dict[Mpid, Profile]


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the schema once: a copy is the same, and sooner there."""
    database = tmp_path_factory.mktemp("schema") / "graph.db"
    create(database)
    return database


@asynccontextmanager
async def in_memory(clock: ManualClock) -> AsyncIterator[Store]:
    yield MemoryStore(clock=clock)


def embedded(empty_database: Path) -> Opening:
    @asynccontextmanager
    async def opened(clock: ManualClock) -> AsyncIterator[Store]:
        with tempfile.TemporaryDirectory() as folder:
            database = shutil.copy(empty_database, folder)
            store = await open_store(f"sqlite:///{database}", clock=clock, cache_identities=3)
            try:
                yield store
            finally:
                await store.close()

    return opened


def on_postgres(url: str) -> Opening:
    @asynccontextmanager
    async def opened(clock: ManualClock) -> AsyncIterator[Store]:
        await emptied(url)
        store = await open_on_postgres(url, clock=clock)
        try:
            yield store
        finally:
            await store.close()

    return opened


@given(scope=any_scope, calls=traffic(max_size=20))
def test_memory_shows_of_then_what_it_showed_then(scope: Scope, calls: list[Call]) -> None:
    """After every call, by its position and by its time; erasures among them (ID-212)."""
    asyncio.run(_compare_with_what_was_seen(in_memory, scope, calls))


@given(scope=any_scope, calls=traffic(max_size=20))
def test_sqlite_shows_of_then_what_it_showed_then(
    empty_database: Path, scope: Scope, calls: list[Call]
) -> None:
    """The same."""
    asyncio.run(_compare_with_what_was_seen(embedded(empty_database), scope, calls))


@pytest.mark.postgres
@settings(max_examples=SOME, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scope=any_scope, calls=traffic(max_size=20))
def test_postgres_shows_of_then_what_it_showed_then(
    postgres_worker_url: str, scope: Scope, calls: list[Call]
) -> None:
    """The same."""
    asyncio.run(_compare_with_what_was_seen(on_postgres(postgres_worker_url), scope, calls))


@given(scope=any_scope, calls=traffic(max_size=12))
def test_memory_shows_the_entries_that_count(scope: Scope, calls: list[Call]) -> None:
    """At every position and time: what a fresh store is that was told these entries and no others."""
    asyncio.run(_compare_with_folds(in_memory, scope, calls))


@given(scope=any_scope, calls=traffic(max_size=12))
def test_sqlite_shows_the_entries_that_count(empty_database: Path, scope: Scope, calls: list[Call]) -> None:
    """The same."""
    asyncio.run(_compare_with_folds(embedded(empty_database), scope, calls))


async def _compare_with_what_was_seen(opened: Opening, scope: Scope, calls: Sequence[Call]) -> None:
    clock = ManualClock()
    async with opened(clock) as store:
        player = Player(store, scope, clock)
        seen = []
        for call in calls:
            await player.play(call)
            seen += [await _look(store, graph, clock.now_ms) for graph in GRAPHS]
        for graph in GRAPHS:
            of_graph = [each for each in seen if each.graph == graph]
            entries = await store.entries(graph, 0, _ALL)
            last = of_graph[-1]
            moments = {Moment(each.seq): each for each in of_graph}
            moments |= {Moment(last.seq, each.now_ms): each for each in of_graph}
            for moment, each in moments.items():
                expected = _without_what_was_erased(each, last, entries)
                await _require(store, entries, moment, expected, graph)


async def _look(store: Store, graph: GraphKey, now_ms: int) -> Seen:
    entries = await store.entries(graph, 0, _ALL)
    return Seen(graph, len(entries), now_ms, await store.profiles(graph, _created(entries)))


def _created(entries: Sequence[JournalEntry]) -> list[Mpid]:
    return [c.mpid for e in entries for c in e.changes if c.kind is ChangeKind.PROFILE_CREATED]


def _without_what_was_erased(seen: Seen, last: Seen, entries: Sequence[JournalEntry]) -> dict[Mpid, Profile]:
    """Take away what an erasure took away by now; the journal says what that is."""

    def left(mpid: Mpid, recorded: RecordedIdentity) -> RecordedIdentity:
        changes = entries[recorded.since_seq - 1].changes
        if any((change.mpid, change.identity) == (mpid, recorded.identity) for change in changes):
            return recorded
        return recorded._replace(identity=Identity(IdentityType(recorded.identity.type), ""))

    expected = {}
    for mpid, profile in seen.profiles.items():
        terms = {alias.seq: alias.terms for alias in last.profiles[mpid].aliases}
        erased = last.profiles[mpid].erased
        expected[mpid] = replace(
            profile,
            erased=erased,
            identities=() if erased else tuple(left(mpid, r) for r in profile.identities),
            descriptions=() if erased else tuple(left(mpid, r) for r in profile.descriptions),
            aliases=tuple(replace(alias, terms=terms[alias.seq]) for alias in profile.aliases),
            moved_to=() if erased else profile.moved_to,
        )
    return expected


async def _compare_with_folds(opened: Opening, scope: Scope, calls: Sequence[Call]) -> None:
    clock = ManualClock()
    async with opened(clock) as store:
        player = Player(store, scope, clock)
        await player.play_all([call for call in calls if not isinstance(call, Deletion)])
        for graph in GRAPHS:
            entries = await store.entries(graph, 0, _ALL)
            if ChangeKind.PROFILE_ERASED in {c.kind for e in entries for c in e.changes}:
                # for want of use: what that leaves of a journal cannot be told anew
                continue
            for seq in range(len(entries) + 1):
                for time_ms in (None, *(entry.at_ms for entry in entries[seq // 2 : seq // 2 + 1])):
                    moment = Moment(seq, time_ms)
                    counting = [e for e in entries if moment.covers(e.seq, e.at_ms)]
                    folded = await replayed(counting)
                    expected = await folded.profiles(graph, _created(entries))
                    await _require(store, entries, moment, expected, graph)


async def _require(
    store: Store,
    entries: Sequence[JournalEntry],
    moment: Moment,
    expected: dict[Mpid, Profile],
    graph: GraphKey,
) -> None:
    records = {mpid: {r.identity for r in profile.identities} for mpid, profile in expected.items()}
    named = {c.identity for e in entries for c in e.changes if c.identity is not None and c.identity.value}

    assert await store.profiles_at(graph, [*_created(entries), 12_345], moment) == expected
    for identity in named:
        holders = sorted((mpid for mpid, record in records.items() if identity in record), reverse=True)
        assert await store.find_profiles_at(graph, identity, moment, _ALL) == holders
