"""Two services on one database are one service: whichever is asked, the answer is the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from idsync.client import AsyncClient, identities
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.served import Served, served

pytestmark = pytest.mark.postgres

PEOPLE = 40
TIMES = 6
PATIENCE_S = 60.0


class Node(NamedTuple):
    """A service and a client of it."""

    service: Served
    client: AsyncClient


@pytest.fixture
async def nodes(new_postgres: Callable[[], str], tmp_path: Path) -> AsyncIterator[list[Node]]:
    """Two services that were started at the same moment, on a database with nothing in it."""
    url = await asyncio.to_thread(new_postgres)
    async with AsyncExitStack() as stack:
        folders = [tmp_path / "one", tmp_path / "other"]
        for folder in folders:
            folder.mkdir()
        services = await asyncio.gather(
            *(stack.enter_async_context(served(folder, database_url=url)) for folder in folders)
        )
        yield [Node(each, await stack.enter_async_context(each.client())) for each in services]


async def login(client: AsyncClient, person: int, **more: str) -> int:
    """Log somebody in; gives the MPID."""
    named = {"customerid": f"person-{person}", **more}
    request = pb.LoginRequest(environment=ENVIRONMENT_PRODUCTION, known_identities=identities(named))
    return (await client.login(request)).mpid


async def watched(client: AsyncClient, until: int) -> list[tuple[int, int]]:
    """Follow the journal up to a position: positions and profiles."""
    request = graph.WatchChangesRequest(scope="shop", environment=ENVIRONMENT_PRODUCTION)
    seen: list[tuple[int, int]] = []
    async for change in client.watch_changes(request):
        seen.append((change.entry.seq, change.entry.mpid))
        if change.entry.seq >= until:
            break
    return seen


async def test_simultaneous_first_logins_on_two_nodes_make_one_profile_each(nodes: list[Node]) -> None:
    """ID-041, over processes: the same people, several times each, at both nodes at once."""
    mpids = await asyncio.wait_for(
        asyncio.gather(
            *(
                login(nodes[(person + time) % 2].client, person, ios_idfv=f"phone-{person}")
                for time in range(TIMES)
                for person in range(PEOPLE)
            )
        ),
        PATIENCE_S,
    )

    assert all(len(set(mpids[person::PEOPLE])) == 1 for person in range(PEOPLE))
    assert len(set(mpids)) == PEOPLE


async def test_people_who_share_a_device_on_two_nodes_are_not_refused(nodes: list[Node]) -> None:
    """A kiosk: every first login collides with all others."""
    mpids = await asyncio.wait_for(
        asyncio.gather(
            *(login(nodes[person % 2].client, person, ios_idfv="kiosk") for person in range(PEOPLE))
        ),
        PATIENCE_S,
    )

    assert len(set(mpids)) == PEOPLE


async def test_what_one_node_writes_is_seen_on_the_other_at_once(nodes: list[Node]) -> None:
    """Acknowledged means visible to every read on every node."""
    for person in range(PEOPLE):
        here, there = nodes[person % 2].client, nodes[1 - person % 2].client
        mpid = await login(here, person)

        assert await login(there, person) == mpid


async def test_a_watcher_of_one_node_sees_what_both_write_in_order(nodes: list[Node]) -> None:
    """ID-251: every entry once, in the order of commits."""
    watchers = [asyncio.create_task(watched(node.client, PEOPLE)) for node in nodes]

    mpids = await asyncio.gather(*(login(nodes[person % 2].client, person) for person in range(PEOPLE)))
    one, other = await asyncio.wait_for(asyncio.gather(*watchers), PATIENCE_S)

    assert [seq for seq, _ in one] == list(range(1, PEOPLE + 1))
    assert one == other
    assert {mpid for _, mpid in one} == set(mpids)


async def test_a_node_goes_on_when_the_other_is_killed(nodes: list[Node]) -> None:
    """Whatever the killed one held of the graph, the database takes back."""
    first, second = nodes
    doomed = [asyncio.create_task(login(first.client, person, ios_idfv="kiosk")) for person in range(PEOPLE)]
    before = await login(second.client, PEOPLE, ios_idfv="kiosk")

    await first.service.kill()
    await asyncio.wait(doomed)
    again = await asyncio.wait_for(login(second.client, PEOPLE, ios_idfv="kiosk"), PATIENCE_S)
    others = [await login(second.client, person, ios_idfv="kiosk") for person in range(PEOPLE)]

    assert again == before
    answered = [task.exception() is None and task.result() for task in doomed]
    assert all(was is False or was == now for was, now in zip(answered, others, strict=True))
    assert await second.service.stop() == 0
