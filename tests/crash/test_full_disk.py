"""A disk without room: a clear refusal, the service goes on, and what was acknowledged is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from idsync.client import AsyncClient, identities
from idsync.model.errors import UnavailableError
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.served import served

LARGEST_FILE_BYTES = 700_000


async def test_a_full_disk_refuses_writes_and_loses_nothing(tmp_path: Path) -> None:
    """Files may grow to a limit, as on a full disk. Writes are then refused as UNAVAILABLE; reads
    go on, and writes too once there is room again."""
    acknowledged: dict[str, int] = {}

    async with (
        served(tmp_path, largest_file_bytes=LARGEST_FILE_BYTES) as service,
        service.client() as client,
    ):
        with pytest.raises(UnavailableError) as refused:
            await _fill(client, acknowledged)
        with pytest.raises(UnavailableError):
            await _login(client, "somebody else")
        known = next(iter(acknowledged))
        assert await _search(client, known) == acknowledged[known]
        service.make_room()
        acknowledged["afterwards"] = await _login(client, "afterwards")
        assert await service.stop() == 0
    async with served(tmp_path) as service, service.client() as client:
        found = {name: await _search(client, name) for name in acknowledged}
        assert await _login(client, "somebody else") not in found.values()

    assert refused.value.retry_delay_s > 0
    assert found == acknowledged


async def _fill(client: AsyncClient, acknowledged: dict[str, int]) -> None:
    for n in range(100_000):
        acknowledged[f"person-{n}"] = await _login(client, f"person-{n}")


async def _login(client: AsyncClient, name: str) -> int:
    request = pb.LoginRequest(
        environment=ENVIRONMENT_PRODUCTION,
        known_identities=identities({"customerid": name, "ios_idfv": f"device of {name}" + "x" * 1_000}),
    )
    return (await client.login(request)).mpid


async def _search(client: AsyncClient, name: str) -> int:
    request = pb.SearchRequest(
        environment=ENVIRONMENT_PRODUCTION, known_identities=identities({"customerid": name})
    )
    return (await client.search(request)).mpid
