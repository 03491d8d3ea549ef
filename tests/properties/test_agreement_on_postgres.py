"""The same traffic has the same result on PostgreSQL as in memory, however little each look brings."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idsync.resolve.resolver import Scope
from idsync.store.postgres import picture
from idsync.store.postgres.opening import open_store
from idsync.testing.clock import ManualClock
from idsync.testing.player import Answer, Outcome, Player
from idsync.testing.traffic import Call, traffic
from tests.postgres import emptied, new_postgres, postgres_server, postgres_worker_url
from tests.properties.playing import any_scope, memory_player

__all__ = ["new_postgres", "postgres_server", "postgres_worker_url"]

pytestmark = pytest.mark.postgres

SOME = 75 if settings.get_current_profile_name() == "long" else 10
"""A case takes half a second here."""


@pytest.mark.parametrize(("holders", "profiles"), [(64, 16), (1, 1)], ids=["as served", "next to nothing"])
@settings(max_examples=SOME, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scope=any_scope, calls=traffic(max_size=25), moves=st.sets(st.integers(1, 24), max_size=2))
def test_the_store_on_postgres_agrees_with_the_memory_store(
    postgres_worker_url: str,
    monkeypatch: pytest.MonkeyPatch,
    holders: int,
    profiles: int,
    scope: Scope,
    calls: list[Call],
    moves: set[int],
) -> None:
    """Answers, profiles, links, aliases and journal, also when callers move from node to node.

    With bounds as small as can be nearly everything has to be asked for (`LookAgain`): no bound may change a
    decision (design, section 3).
    """
    monkeypatch.setattr(picture, "KIND_AT_ONCE", holders)
    monkeypatch.setattr(picture, "_PROFILES_AT_ONCE", profiles)

    async def on_postgres() -> Outcome:
        await emptied(postgres_worker_url)
        clock = ManualClock()
        nodes = [await open_store(postgres_worker_url, clock=clock) for _ in range(2)]
        player = Player(nodes[0], scope, clock)
        answers: list[Answer] = []
        try:
            for number, call in enumerate(calls):
                if number in moves:
                    nodes.reverse()
                    player.go_on_with(nodes[0])
                answers.append(await player.play(call))
            return await player.outcome(answers)
        finally:
            for node in nodes:
                await node.close()

    async def in_memory() -> Outcome:
        player = memory_player(scope)
        return await player.outcome(await player.play_all(calls))

    assert asyncio.run(on_postgres()) == asyncio.run(in_memory())
