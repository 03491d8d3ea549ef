"""`WatchChanges` misses none, repeats none, and survives a restart of either side (design section 3)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from idsync.client import identities
from idsync.model.errors import UnavailableError
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.served import Served, served

CALLS = 40


async def test_a_watcher_sees_every_entry_once_over_kills_of_the_service(tmp_path: Path) -> None:
    """It asks again from the last position it saw; what it sees is the journal, without gap or repetition."""
    seen: list[int] = []
    people: list[int] = []

    for life in range(2):
        async with served(tmp_path) as service:
            watcher = asyncio.create_task(_watch(service, seen))
            people += await _sign_up(service, life)
            await service.kill()
            await watcher
    async with served(tmp_path) as service:
        watcher = asyncio.create_task(_watch(service, seen, until=2 * CALLS))
        await watcher
        assert await service.stop() == 0

    assert seen == list(range(1, 2 * CALLS + 1))
    assert len(set(people)) == 2 * CALLS


async def _watch(service: Served, seen: list[int], until: int | None = None) -> None:
    """Follow the journal until the service dies, or a position is reached."""
    async with service.client() as client:
        request = graph.WatchChangesRequest(
            scope="shop", environment=ENVIRONMENT_PRODUCTION, after_seq=seen[-1] if seen else 0
        )
        try:
            async for change in client.watch_changes(request):
                seen.append(change.entry.seq)
                if seen[-1] == until:
                    return
        except UnavailableError:
            return


async def _sign_up(service: Served, life: int) -> list[int]:
    async with service.client() as client:
        answers = [
            await client.login(
                pb.LoginRequest(
                    environment=ENVIRONMENT_PRODUCTION,
                    known_identities=identities({"customerid": f"person-{life}-{n}"}),
                )
            )
            for n in range(CALLS)
        ]
    return [answer.mpid for answer in answers]
