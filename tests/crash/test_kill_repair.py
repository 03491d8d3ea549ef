"""A service that is killed while it repairs: each entry is whole, and the next start goes on (ID-039)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from idsync.client import AsyncClient, BasicCredentials, OperatorCredentials, identities
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_pb2 as i
from idsync.v1 import identity_service_pb2 as calls
from idsync.v1 import staging_pb2 as pb
from tests.crash.served import served
from tests.program import idsync

OPERATOR = OperatorCredentials("op-token")
MAIL = BasicCredentials("mail", "mail-secret")
SCOPE = """
[scopes.mail]
strategy = "profile_conversion"
identity_priority = ["customerid", "email", "ios_idfv"]
login_ids = ["customerid"]
unique_ids = ["customerid"]
"""
INPUT = """
[workspaces.mail]
scope = "mail"
[[workspaces.mail.inputs]]
platform = "server"
key = "mail"
secret = "mail-secret"
may_read = true
"""
UNIQUE = SCOPE.replace('unique_ids = ["customerid"]', 'unique_ids = ["customerid", "email"]')
VALUES = 150
HOLDERS = 3
KILLED_AFTER = 20


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that outlives its service."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'idsync.db'}"
    new_postgres: Callable[[], str] = request.getfixturevalue("new_postgres")
    return new_postgres()


async def test_a_repair_goes_on_after_a_kill(tmp_path: Path, database_url: str) -> None:
    """Nothing is repaired twice or by half: the newest profile keeps each value, the others lose it once."""
    start = partial(served, tmp_path, database_url=database_url, limits=SCOPE + INPUT)
    async with start() as service, service.client() as client:
        newest = [await _share(client, number) for number in range(VALUES)]
        await client.stage_version(
            pb.StageVersionRequest(scope="mail", candidate=UNIQUE, author="Ann", repair=True),
            credentials=OPERATOR,
        )
        seen = await _repairs(client, KILLED_AFTER)
        await service.kill()

    async with start() as service, service.client() as client:
        in_force = await client.list_versions(pb.ListVersionsRequest(scope="mail"), credentials=OPERATOR)
        entries = await _repairs(client, VALUES)
        owners = [await _owners(client, number) for number in range(VALUES)]

    assert KILLED_AFTER <= len(seen) < VALUES
    assert in_force.versions[0].state == pb.VERSION_STATE_IN_FORCE
    assert owners == [[mpid] for mpid in newest]
    assert sorted(entry.mpid for entry in entries) == sorted(newest)
    assert {len(entry.changes) for entry in entries} == {HOLDERS - 1}
    checked = await idsync("db", "check", "--database", database_url)
    assert checked.code == 0, checked


async def _share(client: AsyncClient, number: int) -> int:
    """Give several people one email; returns the last of them."""
    mpid = 0
    for holder in range(HOLDERS):
        known = identities({"customerid": f"{number}-{holder}", "email": f"{number}@example.com"})
        answer = await client.login(
            calls.LoginRequest(environment=i.ENVIRONMENT_PRODUCTION, known_identities=known), credentials=MAIL
        )
        mpid = answer.mpid
    return mpid


async def _repairs(client: AsyncClient, number: int) -> list[graph.JournalEntry]:
    """Follow the journal until so many entries have repaired something."""
    request = graph.WatchChangesRequest(scope="mail", environment=i.ENVIRONMENT_PRODUCTION)
    found: list[graph.JournalEntry] = []
    async with asyncio.timeout(60):
        async for change in client.watch_changes(request, credentials=OPERATOR):
            if change.entry.cause == "repair":
                found.append(change.entry)
                if len(found) >= number:
                    break
    return found


async def _owners(client: AsyncClient, number: int) -> list[int]:
    wanted = identities({"email": f"{number}@example.com"})[0]
    found = await client.find_profiles(
        graph.FindProfilesRequest(scope="mail", environment=i.ENVIRONMENT_PRODUCTION, identity=wanted),
        credentials=OPERATOR,
    )
    return [profile.mpid for profile in found.profiles]
