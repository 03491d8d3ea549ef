"""The demo shop without a browser: its configurations, and the journal as its page gets it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from idsync.client import AsyncClient, KeyCredentials, OperatorCredentials, identities
from idsync.config import parse_configuration
from idsync.server.app import open_app
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from idsync.v1.identity_service_pb2 import IdentifyRequest
from scripts.demo_shop.changes import server_sent
from scripts.demo_shop.service import STRATEGIES, configuration


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_configuration(tmp_path: Path, strategy: str) -> None:
    """ID-036: each strategy is set up as it may be, with nobody who could read but the operator."""
    settings = parse_configuration(configuration(strategy, "op-token"), tmp_path)

    assert settings.operator_token == "op-token"
    assert [(each.key_only, each.may_read) for one in settings.workspaces for each in one.inputs] == [
        (True, False)
    ]


def entry_of(event: str) -> dict[str, Any]:
    """Read an event as a browser does."""
    number, data = event.strip().split("\n")
    entry: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert number == f"id: {entry['seq']}"
    return entry


async def test_page_goes_on_where_it_was(tmp_path: Path) -> None:
    """ID-251: each entry comes once, with its number, and the end of the shop ends the stream."""
    settings = parse_configuration(configuration("profile_link", "op-token"), tmp_path)
    ending = asyncio.Event()
    async with open_app(settings, "memory://", "127.0.0.1:0") as app:
        page = AsyncClient(app.local_transport, KeyCredentials("us1-demo-shop"))
        mpids = [
            (
                await page.identify(
                    IdentifyRequest(
                        environment=ENVIRONMENT_PRODUCTION,
                        known_identities=identities({"device_application_stamp": stamp}),
                    )
                )
            ).mpid
            for stamp in ("first", "second")
        ]
        operator = AsyncClient(app.local_transport, OperatorCredentials("op-token"))
        stream = server_sent(operator, 1, ending)
        retry = await anext(stream)
        entry = entry_of(await anext(stream))
        ending.set()
        rest = [event async for event in stream]

    assert retry.startswith("retry: ")
    assert (entry["seq"], entry["mpid"]) == ("2", str(mpids[1]))
    assert rest == []
