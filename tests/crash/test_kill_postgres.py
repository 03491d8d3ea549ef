"""Acknowledged means durable on PostgreSQL too: of two nodes now one, now the other is killed under load."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.crash.load import SignUps, holders, require_clean_database, sign_up
from tests.crash.served import Served, served

pytestmark = pytest.mark.postgres

KILLS = int(os.environ.get("IDSYNC_KILLS", "3"))
ANSWERS = 150


async def test_no_acknowledged_answer_is_lost_when_nodes_are_killed(
    tmp_path: Path, postgres_url: str
) -> None:
    """The other node goes on without an error, and everybody is one MPID, whoever was asked (ID-041)."""
    people = [SignUps("left"), SignUps("right")]
    async with AsyncExitStack() as stack:

        async def start() -> Served:
            return await stack.enter_async_context(served(tmp_path, database_url=postgres_url))

        nodes = [await start(), await start()]
        for kill in range(KILLS):
            mine, other = kill % 2, 1 - kill % 2
            for each, node in zip(people, nodes, strict=True):
                each.begin(node)
            await asyncio.gather(*(each.more(ANSWERS) for each in people))
            await nodes[mine].kill()
            await people[mine].end()
            await people[other].more(ANSWERS)
            await people[other].end()
            assert people[mine].refused
            nodes[mine] = await start()
            await _decide(people[mine], nodes)
            assert people[other].refused == {}
            await people[mine].require_kept(nodes[other], newest=3 * ANSWERS)
            await people[other].require_kept(nodes[mine], newest=3 * ANSWERS)
        for node in nodes:
            for each in people:
                await each.require_kept(node)
        assert [await node.stop() for node in nodes] == [0, 0]
    await require_clean_database(postgres_url)

    everybody = [mpid for each in people for mpid in each.acknowledged.values()]
    assert len(set(everybody)) == len(everybody) >= KILLS * 3 * ANSWERS


async def _decide(people: SignUps, nodes: list[Served]) -> None:
    """Let those whose answer was lost sign up once more, at both nodes at once."""
    async with nodes[0].client() as left, nodes[1].client() as right:
        for name in people.refused:
            first, second = await asyncio.gather(sign_up(left, name), sign_up(right, name))
            assert first == second
            assert await holders(left, f"device of {name}") == [first]
            people.acknowledged[name] = first
    people.refused.clear()
