"""A clock that jumps while the service runs: names stay unique and in order, and nobody is refused for it."""

from __future__ import annotations

from pathlib import Path

from idsync.client import AsyncClient
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.faults import faults
from tests.crash.load import DEADLINE_S, require_clean, search, sign_up
from tests.crash.served import served

HOURS_MS = (0, 5, -7, 48, -48, 0)
HOUR_MS = 3_600_000
EACH = 10


async def test_a_clock_that_jumps_changes_no_order(tmp_path: Path) -> None:
    """ID-007: MPIDs are unique, and each greater than the one before; positions follow each other, and calls
    with a deadline are neither dropped nor kept waiting. A restart in the past begins where it was."""
    people: dict[str, int] = {}
    with faults(tmp_path / "faults") as disk:
        for life in range(2):
            async with served(tmp_path, environment=disk.environment) as service, service.client() as client:
                for hours in HOURS_MS:
                    disk.set_clock((hours - 100 * life) * HOUR_MS)
                    for _ in range(EACH):
                        name = f"person-{len(people)}"
                        people[name] = await sign_up(client, name)
                found = {name: await search(client, name) for name in people}
                positions = await journal(client)
                assert await service.stop() == 0
            assert found == people
            assert positions == list(range(1, len(people) + 1))
    await require_clean(tmp_path)

    assert list(people.values()) == sorted(set(people.values()))


async def journal(client: AsyncClient) -> list[int]:
    """List the positions of all entries."""
    request = graph.ListJournalRequest(scope="shop", environment=ENVIRONMENT_PRODUCTION, page_size=1_000)
    answer = await client.list_journal(request, timeout_s=DEADLINE_S)
    return [entry.seq for entry in answer.entries]
