"""A service that is killed while it erases: each erasure is whole, with its receipt, or was never begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from idsync.client import AsyncClient, OperatorCredentials, identities
from idsync.model.errors import AlreadyErasedError, IdsyncError
from idsync.privacy.receipt import read_receipt
from idsync.privacy.signing_key import SigningKey
from idsync.v1 import graph_service_pb2 as graph_pb
from idsync.v1 import identity_pb2
from idsync.v1 import privacy_service_pb2 as pb
from idsync.v1.identity_service_pb2 import LoginRequest
from tests.crash.served import Served, served
from tests.program import idsync

OPERATOR = OperatorCredentials("op-token")
PEOPLE = 24
KILLED_AFTER = (1, 9)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that outlives its service."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'idsync.db'}"
    new_postgres: Callable[[], str] = request.getfixturevalue("new_postgres")
    return new_postgres()


@pytest.mark.parametrize("killed_after", KILLED_AFTER)
async def test_an_erasure_is_whole_or_was_never_begun(
    tmp_path: Path, database_url: str, killed_after: int
) -> None:
    """ID-212: what was acknowledged is erased; of the rest nothing is half gone."""
    key = SigningKey()
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(key.pem())
    more = f'[privacy]\nsigning_key_file = "{key_file}"\n'
    start = partial(served, tmp_path, database_url=database_url, limits=more)
    async with start() as service, service.client() as client:
        mpids = [await _login(client, number) for number in range(PEOPLE)]
        acknowledged = await _erase_until_killed(service, client, mpids, killed_after)
    receipts: list[str] = []
    erased: set[int] = set()
    async with (
        served(tmp_path, database_url=database_url, limits=more) as service,
        service.client() as client,
    ):
        for number, mpid in enumerate(mpids):
            profile = (await client.get_profile(graph_pb.GetProfileRequest(mpid=mpid))).profile
            if profile.state == identity_pb2.PROFILE_STATE_ERASED:
                erased.add(mpid)
                assert not profile.identities
                receipts.append(await _receipt(client, mpid))
            else:
                assert {each.identity.value for each in profile.identities} == set(_values(number).values())

    assert acknowledged <= erased
    assert len(acknowledged) >= killed_after
    for number, text in enumerate(receipts):
        assert read_receipt(text.encode(), key).mpids[0] in erased
        if number == 0:
            kept = tmp_path / f"receipt-{number}.json"
            kept.write_text(text)
            told = await idsync(
                "erase", "verify", str(kept), "--database", database_url, "--key-file", str(key_file)
            )
            assert (told.code, told.err) == (0, "")
    checked = await idsync("db", "check", "--database", database_url)
    assert checked.code == 0, checked


def _values(number: int) -> dict[str, str]:
    return {"customerid": f"c-{number}", "email": f"{number}@example.com", "ios_idfv": f"device-{number}"}


async def _login(client: AsyncClient, number: int) -> int:
    known = identities(_values(number))
    request = LoginRequest(environment=identity_pb2.ENVIRONMENT_PRODUCTION, known_identities=known)
    return (await client.login(request)).mpid


async def _erase_until_killed(
    service: Served, client: AsyncClient, mpids: list[int], killed_after: int
) -> set[int]:
    """Erase all at once; gives those whose erasure was answered before the service was gone."""
    acknowledged: set[int] = set()
    enough = asyncio.Event()

    async def erase(mpid: int) -> None:
        try:
            answer = await client.erase(pb.EraseRequest(mpids=[mpid]), credentials=OPERATOR)
        except IdsyncError:
            return
        acknowledged.update(answer.erasure.mpids)
        if len(acknowledged) >= killed_after:
            enough.set()

    under_way = [asyncio.create_task(erase(mpid)) for mpid in mpids]
    async with asyncio.timeout(60):
        await enough.wait()
    await service.kill()
    await asyncio.gather(*under_way)
    return acknowledged


async def _receipt(client: AsyncClient, mpid: int) -> str:
    """Ask for the receipt of an erasure whose answer may have been lost."""
    with pytest.raises(AlreadyErasedError) as refused:
        await client.erase(pb.EraseRequest(mpids=[mpid]), credentials=OPERATOR)
    wanted = pb.GetErasureRequest(erasure_id=refused.value.metadata["erasure_id"])
    return (await client.get_erasure(wanted, credentials=OPERATOR)).erasure.receipt
