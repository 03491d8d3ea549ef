"""Acknowledged means durable: SIGKILL under load, again and again, loses no answer (design section 2)."""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path

from idsync.client import identities
from idsync.model.errors import IdsyncError
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.served import Served, served
from tests.program import idsync

KILLS = int(os.environ.get("IDSYNC_KILLS", "3"))
ANSWERS = 300
CALLERS = 32


async def test_no_acknowledged_answer_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    """Each life of the process finds everybody whom the lives before it acknowledged, on the same MPID."""
    acknowledged: dict[str, int] = {}
    numbers = itertools.count()

    for _ in range(KILLS):
        async with served(tmp_path) as service:
            await _find_again(service, acknowledged)
            before = len(acknowledged)
            await _sign_up_until_killed(service, acknowledged, numbers)
            assert len(acknowledged) >= before + ANSWERS
    async with served(tmp_path) as service:
        await _find_again(service, acknowledged)
        assert await service.stop() == 0
    code, out, err = await idsync("db", "check", "--database", f"sqlite:///{tmp_path / 'idsync.db'}")

    assert code == 0, out + err
    assert len(set(acknowledged.values())) == len(acknowledged)


async def _sign_up_until_killed(
    service: Served, acknowledged: dict[str, int], numbers: itertools.count[int]
) -> None:
    enough = asyncio.Event()
    goal = len(acknowledged) + ANSWERS

    async def caller() -> None:
        async with service.client() as client:
            while True:
                name = f"person-{next(numbers)}"
                request = pb.LoginRequest(
                    environment=ENVIRONMENT_PRODUCTION,
                    known_identities=identities({"customerid": name, "ios_idfv": f"device of {name}"}),
                )
                try:
                    answer = await client.login(request)
                except IdsyncError:
                    return
                acknowledged[name] = answer.mpid
                if len(acknowledged) >= goal:
                    enough.set()

    callers = [asyncio.create_task(caller()) for _ in range(CALLERS)]
    await enough.wait()
    await service.kill()
    await asyncio.gather(*callers)


async def _find_again(service: Served, acknowledged: dict[str, int]) -> None:
    async with service.client() as client:
        names = list(acknowledged)
        for start in range(0, len(names), 1_000):
            calls = [
                pb.ResolveCall(
                    search=pb.SearchRequest(
                        environment=ENVIRONMENT_PRODUCTION, known_identities=identities({"customerid": name})
                    )
                )
                for name in names[start : start + 1_000]
            ]
            answer = await client.batch_resolve(pb.BatchResolveRequest(calls=calls))
            found = [result.search.mpid for result in answer.results]
            assert found == [acknowledged[name] for name in names[start : start + 1_000]]


async def test_simultaneous_first_logins_make_one_profile_a_person(tmp_path: Path) -> None:
    """ID-041: 100 people with 8 simultaneous first logins each are 100 MPIDs, and nobody sees an error."""
    async with served(tmp_path) as service, service.client() as client:
        requests = [
            pb.LoginRequest(
                environment=ENVIRONMENT_PRODUCTION,
                known_identities=identities({"customerid": f"person-{n}", "ios_idfv": f"device-{n}"}),
            )
            for n in range(100)
            for _ in range(8)
        ]
        answers = await asyncio.gather(*(client.login(request) for request in requests))

    by_person = [{answer.mpid for answer in answers[8 * n : 8 * n + 8]} for n in range(100)]
    assert [len(mpids) for mpids in by_person] == [1] * 100
    assert len(set.union(*by_person)) == 100
