"""What is taken back is as if it had not been, and what was forbidden does not come again."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from idsync.model.errors import IdsyncError
from idsync.model.moment import Moment
from idsync.model.undo import RevertRequest, Undone
from idsync.resolve.resolver import Scope
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
from idsync.testing.scribe import GRAPH
from tests.postgres import emptied, new_postgres, postgres_server, postgres_worker_url
from tests.properties.playing import any_scope
from tests.properties.undoing import (
    ALL,
    Act,
    Records,
    Revert,
    Split,
    Told,
    Undoer,
    broken_must_nots,
    records,
    undo_traffic,
)

__all__ = ["new_postgres", "postgres_server", "postgres_worker_url"]

SOME = 75 if settings.get_current_profile_name() == "long" else 10


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the schema once: a copy is the same, and sooner there."""
    database = tmp_path_factory.mktemp("schema") / "graph.db"
    create(database)
    return database


def in_memory(scope: Scope) -> Undoer:
    clock = ManualClock()
    return Undoer(MemoryStore(clock=clock), scope, clock)


async def now(store: Store) -> Records:
    """Read what every profile has, from the tables."""
    entries = await store.entries(GRAPH, 0, ALL)
    shown = await store.profiles(GRAPH, list(records(entries)))
    return {
        mpid: {(r.identity, False) for r in profile.identities}
        | {(r.identity, True) for r in profile.descriptions}
        for mpid, profile in shown.items()
    }


@given(scope=any_scope, acts=undo_traffic())
def test_a_revert_restores_what_was_and_nothing_else(scope: Scope, acts: list[Act]) -> None:
    """What the entries changed is as it was before the first of them; all else is as it is."""

    async def play() -> None:
        player = in_memory(scope)
        for act in acts:
            before = await now(player.store)
            told = await player.act(act)
            if not isinstance(act, Revert) or not isinstance(told, Undone):
                continue
            entries = await player.store.entries(GRAPH, 0, ALL)
            past = [records(entries, seq - 1) for seq in told.reverted]
            expected = {mpid: set(record) for mpid, record in before.items()}
            for seq, then in reversed(list(zip(told.reverted, past, strict=True))):
                for change in entries[seq - 1].changes:
                    if change.identity is None or change.mpid not in expected:
                        continue
                    for descriptive in (False, True):
                        link = (change.identity, descriptive)
                        was = link in then.get(change.mpid, set())
                        (expected[change.mpid].add if was else expected[change.mpid].discard)(link)
            after = await now(player.store)

            assert after == expected
            assert after == records(entries)

    asyncio.run(play())


@given(scope=any_scope, acts=undo_traffic())
def test_an_undo_can_be_undone(scope: Scope, acts: list[Act]) -> None:
    """The revert of a split or of a revert leads back to where it began."""

    async def play() -> None:
        player = in_memory(scope)
        for act in acts:
            before = await now(player.store)
            told = await player.act(act)
            if not isinstance(told, Undone) or not told.journal_seq:
                continue
            again = await player.resolver.revert(RevertRequest(GRAPH, told.journal_seq, forbid=False))
            after = await now(player.store)

            assert again.reverted == (told.journal_seq,)
            assert {mpid: record for mpid, record in after.items() if record} == {
                mpid: record for mpid, record in before.items() if record
            }

    asyncio.run(play())


@given(scope=any_scope, acts=undo_traffic())
def test_a_preview_is_what_then_happens(scope: Scope, acts: list[Act]) -> None:
    """The same answer, and nothing is written."""

    def nameless(told: Undone) -> Undone:
        new = {p.mpid for p in told.profiles if p.is_new}
        same: Undone = renamed(told, dict.fromkeys(new, 0))
        return replace(same, journal_seq=0)

    async def play() -> None:
        player = in_memory(scope)
        for act in acts:
            preview: Undone | None = None
            last = await player.store.last_seq(GRAPH)
            if isinstance(act, Split):
                request = await player.split_request(act, preview=True)
                preview = await _or_none(player.resolver.split(request))
            elif isinstance(act, Revert):
                wanted = await player.revert_request(act, preview=True)
                preview = await _or_none(player.resolver.revert(wanted))
            seen = await player.store.last_seq(GRAPH)
            told = await player.act(act)

            assert seen == last
            assert isinstance(told, Undone) == (preview is not None)
            if isinstance(told, Undone) and preview is not None:
                assert nameless(told) == preview

    asyncio.run(play())


async def _or_none(doing: Coroutine[object, object, Undone]) -> Undone | None:
    try:
        return await doing
    except IdsyncError:
        return None


@given(scope=any_scope, acts=undo_traffic())
def test_what_a_split_says_is_what_is_found(scope: Scope, acts: list[Act]) -> None:
    """The owners named are found, the former one is not, and leads to where its identities went."""

    async def play() -> None:
        player = in_memory(scope)
        for act in acts:
            told = await player.act(act)
            if not isinstance(act, Split) or not isinstance(told, Undone):
                continue
            shown = await player.store.profiles(GRAPH, [p.mpid for p in told.profiles])
            losers = [p for p in told.profiles if p.removed]
            [gainer] = [p for p in told.profiles if p.added]
            for change in told.profiles:
                found = tuple(r.identity for r in shown[change.mpid].identities)
                assert found == change.record
            for loser in losers:
                assert gainer.mpid in shown[loser.mpid].moved_to
                for identity in loser.removed:
                    holders = await player.store.find_profiles(GRAPH, identity, ALL)
                    assert gainer.mpid in holders
                    assert loser.mpid not in holders

    asyncio.run(play())


@given(scope=any_scope, acts=undo_traffic(25))
def test_must_nots_are_respected_by_any_later_traffic(
    empty_database: Path, scope: Scope, acts: list[Act]
) -> None:
    """In memory and on SQLite, which agree in all they answer and keep."""

    async def on_sqlite() -> tuple[list[Told], GraphImage]:
        with tempfile.TemporaryDirectory() as folder:
            database = Path(shutil.copy(empty_database, folder))
            clock = ManualClock()
            store = await open_store(f"sqlite:///{database}", clock=clock, cache_identities=3)
            try:
                result = await _played(Undoer(store, scope, clock), acts)
            finally:
                await store.close()
            _, differences = await asyncio.to_thread(check, database)
            assert differences == []
            return result

    _require_agreement(asyncio.run(_played(in_memory(scope), acts)), asyncio.run(on_sqlite()))


@pytest.mark.postgres
@settings(max_examples=SOME, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scope=any_scope, acts=undo_traffic(25))
def test_must_nots_are_respected_on_every_node(
    postgres_worker_url: str, scope: Scope, acts: list[Act]
) -> None:
    """Whichever of two nodes is asked next; both agree with memory in all they answer and keep."""

    async def on_postgres() -> tuple[list[Told], GraphImage]:
        await emptied(postgres_worker_url)
        clock = ManualClock()
        nodes = [await open_on_postgres(postgres_worker_url, clock=clock) for _ in range(2)]
        try:
            result = await _played(Undoer(nodes[0], scope, clock), acts, nodes)
            _, differences = await check_on_server(read_address(postgres_worker_url))
            assert differences == []
            return result
        finally:
            for node in nodes:
                await node.close()

    _require_agreement(asyncio.run(_played(in_memory(scope), acts)), asyncio.run(on_postgres()))


async def _played(
    player: Undoer, acts: list[Act], nodes: Sequence[Store] | None = None
) -> tuple[list[Told], GraphImage]:
    told = []
    for number, act in enumerate(acts):
        if nodes is not None:
            player.change_node(nodes[number % 2])
        told.append(await player.act(act))
    entries = await player.store.entries(GRAPH, 0, ALL)

    assert broken_must_nots(entries) == []
    image = await graph_image(player.store, GRAPH)
    assert image == await graph_image(await replayed(entries), GRAPH)
    mpids = list(image.profiles)
    for seq in range(len(entries) + 1):
        folded = await replayed(entries[:seq])
        then = await player.store.profiles_at(GRAPH, mpids, Moment(seq))
        assert then == await folded.profiles(GRAPH, mpids)
    for mpid in mpids:
        of_profile = await player.store.entries(GRAPH, 0, ALL, mpid)
        assert {e.seq for e in of_profile} >= {
            e.seq for e in entries if any(c.mpid == mpid and c.identity is not None for c in e.changes)
        } - {e.seq for e in entries if e.cause == "forbid"}
    return told, image


def _require_agreement(one: tuple[list[Told], GraphImage], other: tuple[list[Told], GraphImage]) -> None:
    first, second = (
        renamed(result, {mpid: n for n, mpid in enumerate(result[1].created(), start=1)})
        for result in (one, other)
    )

    assert first == second
