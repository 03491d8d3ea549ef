"""The same traffic has the same result: on every store, in batches, and all at once."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.resolve.resolver import Scope
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.store import EmbeddedStore
from idsync.store.sql.schema import create
from idsync.testing.clock import ManualClock
from idsync.testing.player import Answer, Outcome, Player
from idsync.testing.traffic import Call, Modifying, Resolving, batches, traffic
from tests.properties.playing import any_scope, memory_player


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the schema once: a copy is the same, and sooner there."""
    database = tmp_path_factory.mktemp("schema") / "graph.db"
    create(database)
    return database


@pytest.mark.parametrize("cache_identities", [1_000, 3], ids=["whole graph in memory", "small cache"])
@given(scope=any_scope, calls=traffic(max_size=25), restarts=st.sets(st.integers(1, 24), max_size=2))
def test_the_embedded_store_agrees_with_the_memory_store(
    empty_database: Path, cache_identities: int, scope: Scope, calls: list[Call], restarts: set[int]
) -> None:
    """Answers, profiles, links, aliases and journal, also over restarts; MPIDs up to their names."""

    async def reopened(store: EmbeddedStore | None, database: Path, clock: ManualClock) -> EmbeddedStore:
        if store is not None:
            await store.close()
        return await open_store(f"sqlite:///{database}", clock=clock, cache_identities=cache_identities)

    async def embedded(database: Path) -> Outcome:
        clock = ManualClock()
        store = await reopened(None, database, clock)
        player = Player(store, scope, clock)
        answers: list[Answer] = []
        try:
            for number, call in enumerate(calls):
                if number in restarts:
                    store = await reopened(store, database, clock)
                    player.go_on_with(store)
                answers.append(await player.play(call))
            return await player.outcome(answers)
        finally:
            await store.close()

    async def memory() -> Outcome:
        player = memory_player(scope)
        return await player.outcome(await player.play_all(calls))

    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(embedded(Path(shutil.copy(empty_database, folder))))

    assert outcome == asyncio.run(memory())


@given(any_scope, st.lists(batches(), max_size=3))
def test_a_batch_is_answered_as_its_calls_one_by_one(
    scope: Scope, several: list[list[Resolving | Modifying]]
) -> None:
    """In order, each seeing the effect of those before it; an error harms its call only."""

    async def run(*, at_once: bool) -> Outcome:
        player = memory_player(scope)
        answers: list[Answer] = []
        for batch in several:
            requests = [player.request(call) for call in batch]
            if at_once:
                answers += await player.send_batch(requests)
            else:
                answers += [await player.send(request) for request in requests]
        return await player.outcome(answers)

    assert asyncio.run(run(at_once=True)) == asyncio.run(run(at_once=False))


@given(any_scope, traffic(max_size=6), batches(min_size=2, max_size=3))
def test_simultaneous_calls_appear_to_run_one_after_another(
    scope: Scope, calls: list[Call], simultaneous: list[Resolving | Modifying]
) -> None:
    """Whatever they share, the result is that of some order of them (ID-041)."""

    async def run(order: Sequence[int] | None) -> Outcome:
        player = memory_player(scope)
        before = await player.play_all(calls)
        requests = [player.request(call) for call in simultaneous]
        if order is None:
            answers = await asyncio.gather(*(player.send(request) for request in requests))
        else:
            by_number = {number: await player.send(requests[number]) for number in order}
            answers = [by_number[number] for number in range(len(requests))]
        return await player.outcome([*before, *answers])

    outcomes = [asyncio.run(run(order)) for order in permutations(range(len(simultaneous)))]
    assert asyncio.run(run(None)) in outcomes
