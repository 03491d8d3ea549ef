"""A kill in the middle of splits and reverts leaves each of them whole or not there at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

from idsync.client import AsyncClient, OperatorCredentials, identities
from idsync.model.errors import IdsyncError
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1 import undo_pb2 as undo
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.served import Served, served
from tests.program import idsync

LIVES = 2
PEOPLE = 60
ENOUGH = 40
OPERATOR = OperatorCredentials("op-token")


async def test_every_undo_is_whole_or_not_there(tmp_path: Path) -> None:
    """What was answered is there; of what was not, all or nothing; the tables are what the journal says."""
    answered: dict[str, int] = {}
    for life in range(LIVES):
        async with served(tmp_path) as service:
            await _undo_until_killed(service, life, answered)
    async with served(tmp_path) as service, service.client() as client:
        for name, seq in answered.items():
            await _require_whole(client, name, seq)
        await _require_all_or_nothing(client)
        assert await service.stop() == 0
    code, out, err = await idsync("db", "check", "--database", f"sqlite:///{tmp_path / 'idsync.db'}")

    assert code == 0, out + err
    assert len(answered) >= LIVES * ENOUGH


async def _undo_until_killed(service: Served, life: int, answered: dict[str, int]) -> None:
    enough = asyncio.Event()
    goal = len(answered) + ENOUGH

    async def operator(number: int) -> None:
        name = f"{life}-{number}"
        async with service.client() as client:
            known = identities({"customerid": name, "email": f"{name}@x.example"})
            login = pb.LoginRequest(environment=ENVIRONMENT_PRODUCTION, known_identities=known)
            try:
                mpid = (await client.login(login)).mpid
                request = undo.SplitProfileRequest(mpid=mpid, identities=known[1:])
                done = await client.split_profile(request, credentials=OPERATOR)
            except IdsyncError:
                return
            answered[name] = done.undone.journal_seq
            if len(answered) >= goal:
                enough.set()

    operators = [asyncio.create_task(operator(number)) for number in range(PEOPLE)]
    await enough.wait()
    await service.kill()
    await asyncio.gather(*operators)


async def _require_whole(client: AsyncClient, name: str, seq: int) -> None:
    found = [
        await client.search(pb.SearchRequest(environment=ENVIRONMENT_PRODUCTION, known_identities=[known]))
        for known in identities({"customerid": name, "email": f"{name}@x.example"})
    ]
    owner, parted = [each.mpid for each in found]
    shown = await client.get_profile(graph.GetProfileRequest(mpid=owner), credentials=OPERATOR)

    assert owner != parted
    assert list(shown.profile.moved_to_mpids) == [parted]
    again = identities({"customerid": name, "email": f"{name}@x.example"})
    login = pb.LoginRequest(environment=ENVIRONMENT_PRODUCTION, known_identities=again)
    notices = (await client.login(login)).decision.notices
    assert [notice.journal_seq for notice in notices] == [seq]


async def _require_all_or_nothing(client: AsyncClient) -> None:
    scope = (await client.get_caller(pb.GetCallerRequest())).scope
    asked = graph.ListJournalRequest(scope=scope, environment=ENVIRONMENT_PRODUCTION, page_size=1_000)
    entries = (await client.list_journal(asked, credentials=OPERATOR)).entries
    kinds = [sorted(change.kind for change in entry.changes) for entry in entries if entry.cause == "split"]

    assert kinds
    assert all(each == kinds[0] for each in kinds)
