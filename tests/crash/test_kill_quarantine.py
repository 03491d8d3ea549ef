"""A kill in the middle of quarantines and releases leaves each of them whole or not there at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

from idsync.client import AsyncClient, OperatorCredentials, identities
from idsync.model.errors import IdsyncError
from idsync.v1 import identity_pb2 as i
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1 import radar_service_pb2 as radar
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.served import Served, served
from tests.program import idsync

LIVES = 2
DEVICES = 60
ENOUGH = 40
OPERATOR = OperatorCredentials("op-token")


async def test_every_quarantine_is_whole_or_not_there(tmp_path: Path) -> None:
    """What was answered holds after the next start; the tables are what the journal says."""
    answered: dict[str, tuple[int, int]] = {}
    for life in range(LIVES):
        async with served(tmp_path) as service:
            await _quarantine_until_killed(service, life, answered)
    async with served(tmp_path) as service, service.client() as client:
        for name, (mpid, seq) in answered.items():
            await _require_it_holds(client, name, mpid, seq)
        assert await service.stop() == 0
    code, out, err = await idsync("db", "check", "--database", f"sqlite:///{tmp_path / 'idsync.db'}")

    assert code == 0, out + err
    assert len(answered) >= LIVES * ENOUGH
    assert {seq > 0 for _, seq in answered.values()} == {True, False}


async def _quarantine_until_killed(service: Served, life: int, answered: dict[str, tuple[int, int]]) -> None:
    enough = asyncio.Event()
    goal = len(answered) + ENOUGH

    async def operator(number: int) -> None:
        name = f"{life}-{number}"
        async with service.client() as client:
            try:
                scope = (await client.get_caller(pb.GetCallerRequest())).scope
                mpid = (await client.identify(_identify(name))).mpid
                order = radar.QuarantineRequest(
                    scope=scope, environment=ENVIRONMENT_PRODUCTION, identity=_device(name)
                )
                seq = (await client.quarantine(order, credentials=OPERATOR)).journal_seq
                if number % 3 == 0:
                    release = radar.ReleaseRequest(
                        scope=scope, environment=ENVIRONMENT_PRODUCTION, identity=_device(name)
                    )
                    await client.release(release, credentials=OPERATOR)
                    seq = 0
            except IdsyncError:
                return
            answered[name] = mpid, seq
            if len(answered) >= goal:
                enough.set()

    operators = [asyncio.create_task(operator(number)) for number in range(DEVICES)]
    await enough.wait()
    await service.kill()
    await asyncio.gather(*operators)


def _device(name: str) -> i.Identity:
    [device] = identities({"ios_idfv": name})
    return device


def _identify(name: str) -> pb.IdentifyRequest:
    return pb.IdentifyRequest(environment=ENVIRONMENT_PRODUCTION, known_identities=[_device(name)])


async def _require_it_holds(client: AsyncClient, name: str, mpid: int, seq: int) -> None:
    """Say that a quarantine stands, or that it was released (`seq` is 0)."""
    answer = await client.identify(_identify(name))

    assert (answer.mpid == mpid) is (seq == 0)
    assert [notice.journal_seq for notice in answer.decision.notices] == ([seq] if seq else [])
