"""Whoever stands where another stood before is told what a decision of his own would tell him (ID-040)."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.model.identity import Identity
from idsync.model.request import Operation
from idsync.model.strategy import Strategy
from idsync.resolve.resolver import Scope
from idsync.store.embedded.opening import open_store
from idsync.store.sql.schema import create
from idsync.testing.clock import ManualClock
from idsync.testing.player import Outcome, Player
from idsync.testing.policies import TYPES, sound_policies
from idsync.testing.scribe import GRAPH
from idsync.testing.traffic import Resolving
from tests.properties.playing import STRATEGIES, memory_player


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the schema once: a copy is the same, and sooner there."""
    database = tmp_path_factory.mktemp("schema") / "graph.db"
    create(database)
    return database


@st.composite
def crowds(draw: st.DrawFn) -> list[Resolving]:
    """Draw calls of people with values of their own, who send the same few types in the same few ways."""
    bags = draw(st.lists(st.lists(st.sampled_from(TYPES), min_size=1, unique=True), min_size=1, max_size=3))
    ways = st.tuples(
        st.sampled_from((*Operation, Operation.IDENTIFY, Operation.LOGIN)),
        st.sampled_from(bags),
        st.sampled_from((False, False, False, True)),
        st.none() | st.integers(0, 4),
    )
    few = draw(st.lists(ways, min_size=1, max_size=4))
    calls = []
    for person, (operation, types, read_only, previous) in draw(
        st.lists(st.tuples(st.integers(0, 7), st.sampled_from(few)), max_size=40)
    ):
        identities = {t: Identity(t, f"{t}-{person}") for t in types}
        calls.append(Resolving(operation, GRAPH, identities, previous, read_only))
    return calls


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
@pytest.mark.parametrize("cache_identities", [1_000, 3], ids=["whole graph in memory", "small cache"])
@given(calls=crowds(), data=st.data())
def test_a_crowd_is_answered_as_if_everybody_were_decided_alone(
    empty_database: Path,
    strategy: Strategy,
    cache_identities: int,
    calls: list[Resolving],
    data: st.DataObject,
) -> None:
    """The memory store knows no standing, so each of its calls is decided by itself."""
    scope = Scope(data.draw(st.sampled_from(sound_policies(strategy))), strategy)

    async def ruled(database: Path) -> Outcome:
        clock = ManualClock()
        store = await open_store(f"sqlite:///{database}", clock=clock, cache_identities=cache_identities)
        try:
            player = Player(store, scope, clock)
            return await player.outcome(await player.play_all(calls))
        finally:
            await store.close()

    async def decided() -> Outcome:
        player = memory_player(scope)
        return await player.outcome(await player.play_all(calls))

    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(ruled(Path(shutil.copy(empty_database, folder))))

    assert outcome == asyncio.run(decided())
