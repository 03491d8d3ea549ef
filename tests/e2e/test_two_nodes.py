"""Two services on one database are one service: whichever is asked, the answer is the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from idsync.client import AsyncClient, identities
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.served import Served, served

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="module")]

PEOPLE = 40
TIMES = 6
PATIENCE_S = 60.0


class Node(NamedTuple):
    """A service and a client of it."""

    service: Served
    client: AsyncClient


@asynccontextmanager
async def two_nodes(url: str, folder: Path) -> AsyncIterator[list[Node]]:
    """Start two services at the same moment, on a database with nothing in it."""
    async with AsyncExitStack() as stack:
        homes = [folder / "one", folder / "other"]
        for home in homes:
            home.mkdir()
        services = await asyncio.gather(
            *(stack.enter_async_context(served(home, database_url=url)) for home in homes)
        )
        yield [Node(each, await stack.enter_async_context(each.client())) for each in services]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(
    new_postgres: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Node]]:
    """Two services for all tests: to start them takes longer than to test them."""
    url = await asyncio.to_thread(new_postgres)
    async with two_nodes(url, tmp_path_factory.mktemp("nodes")) as started:
        yield started


async def login(client: AsyncClient, person: object, **more: str) -> int:
    """Log somebody in; gives the MPID."""
    return (await _login(client, person, **more)).mpid


async def _login(client: AsyncClient, person: object, **more: str) -> pb.LoginResponse:
    named = {"customerid": f"person-{person}", **more}
    request = pb.LoginRequest(environment=ENVIRONMENT_PRODUCTION, known_identities=identities(named))
    return await client.login(request)


async def watched(client: AsyncClient, after: int, until: int) -> list[tuple[int, int]]:
    """Follow the journal from one position to another: positions and profiles."""
    request = graph.WatchChangesRequest(scope="shop", environment=ENVIRONMENT_PRODUCTION, after_seq=after)
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
                login(nodes[(person + time) % 2].client, f"at-once-{person}", ios_idfv=f"phone-{person}")
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
            *(
                login(nodes[person % 2].client, f"visitor-{person}", ios_idfv="kiosk")
                for person in range(PEOPLE)
            )
        ),
        PATIENCE_S,
    )

    assert len(set(mpids)) == PEOPLE


async def test_what_one_node_writes_is_seen_on_the_other_at_once(nodes: list[Node]) -> None:
    """Acknowledged means visible to every read on every node."""
    for person in range(PEOPLE):
        here, there = nodes[person % 2].client, nodes[1 - person % 2].client
        mpid = await login(here, f"seen-{person}")

        assert await login(there, f"seen-{person}") == mpid


async def test_a_watcher_of_one_node_sees_what_both_write_in_order(nodes: list[Node]) -> None:
    """ID-251: every entry once, in the order of commits."""
    start = (await _login(nodes[0].client, "first")).decision.journal_seq
    watchers = [asyncio.create_task(watched(node.client, start, start + PEOPLE)) for node in nodes]

    mpids = await asyncio.gather(
        *(login(nodes[person % 2].client, f"watched-{person}") for person in range(PEOPLE))
    )
    one, other = await asyncio.wait_for(asyncio.gather(*watchers), PATIENCE_S)

    assert [seq for seq, _ in one] == list(range(start + 1, start + PEOPLE + 1))
    assert one == other
    assert {mpid for _, mpid in one} == set(mpids)


async def test_a_node_goes_on_when_the_other_is_killed(
    new_postgres: Callable[[], str], tmp_path: Path
) -> None:
    """Whatever the killed one held of the graph, the database takes back; what it answered stands."""
    async with two_nodes(await asyncio.to_thread(new_postgres), tmp_path) as (doomed, other):
        calls = [asyncio.create_task(login(doomed.client, n, ios_idfv="kiosk")) for n in range(PEOPLE)]
        before = await login(other.client, PEOPLE, ios_idfv="kiosk")

        await doomed.service.kill()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        again = await asyncio.wait_for(login(other.client, PEOPLE, ios_idfv="kiosk"), PATIENCE_S)
        now = [await login(other.client, n, ios_idfv="kiosk") for n in range(PEOPLE)]

        assert again == before
        assert all(
            answer == mpid for answer, mpid in zip(answers, now, strict=True) if isinstance(answer, int)
        )
        assert len(set(now)) == PEOPLE
        assert await other.service.stop() == 0
