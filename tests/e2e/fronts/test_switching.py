"""Settings that change hold for what comes through fronts, on connections from before as well (ID-039)."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from idsync.client import AsyncClient
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1 import staging_pb2 as staging
from tests.e2e.conftest import OPERATOR, SHOP
from tests.e2e.fronts.processes import CALLERS, FLAGS, SERVED, connection
from tests.e2e.http_process import Line, http_process
from tests.e2e.identity_requests import identify

IDENTIFY = "/idsync.v1.IdentityService/Identify"
REORDERED = """
[scopes.retail]
strategy = "profile_link"
identity_priority = ["customerid", "email", "roku_aid", "ios_idfv"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]
"""
BOTH = identify(ios_idfv="phone", roku_aid="television")
"""Finds whoever has the type that comes first in the order of the scope."""
BOTH.read_only = True
BODY = json.dumps(
    {
        "environment": "production",
        "known_identities": {"ios_idfv": "phone", "roku_aid": "television"},
    }
).encode()
KEY = {"x-mp-key": "shop-web"}


async def _grpc(calls: list[Any]) -> set[int]:
    """Say whom all callers are answered, several times each."""
    request = BOTH.SerializeToString()
    answers = [
        await asyncio.gather(*(call(request, metadata=SHOP.metadata()) for call in calls)) for _ in range(3)
    ]
    return {pb.IdentifyResponse.FromString(answer).mpid for some in answers for answer in some}


def _http(lines: list[Line]) -> set[int]:
    answers = [line.post("/v1/identify?read_only=true", BODY, KEY) for line in lines for _ in range(3)]
    return {int(answer.json["mpid"]) for answer in answers}


async def test_every_connection_is_answered_by_the_new_settings(tmp_path: Path) -> None:
    """From when the operator is told on: what was kept of answers is given by no front any more."""
    async with AsyncExitStack() as stack:
        service = stack.enter_context(http_process(tmp_path, SERVED, *FLAGS))
        address = service.addresses.grpc
        shop = await stack.enter_async_context(AsyncClient.connect(address, SHOP))
        channels = [await stack.enter_async_context(connection(address)) for _ in range(CALLERS)]
        calls = [channel.unary_unary(IDENTIFY) for channel in channels]
        lines = [service.line() for _ in range(CALLERS)]
        phone = (await shop.identify(identify(ios_idfv="phone"))).mpid
        television = (await shop.identify(identify(roku_aid="television"))).mpid
        before = await _grpc(calls), await asyncio.to_thread(_http, lines)

        request = staging.StageVersionRequest(scope="retail", candidate=REORDERED, author="Ann")
        staged = await shop.stage_version(request, credentials=OPERATOR)
        after = await _grpc(calls), await asyncio.to_thread(_http, lines)
        assert service.stop() == 0

    assert staged.version.state == staging.VERSION_STATE_IN_FORCE
    assert before == ({phone}, {phone})
    assert after == ({television}, {television})
