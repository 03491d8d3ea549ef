"""A quarantined device behind the HTTP surface: web clients that name their profile stay on it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.quarantine import QuarantineRequest
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from tests.unit.gateway import recorded
from tests.unit.gateway.calls import code, post
from tests.unit.gateway.conftest import configuration

STAMP = Identity(IdentityType.DEVICE_APPLICATION_STAMP, recorded.DAS)
GRAPH = GraphKey("shop", Environment.DEVELOPMENT)


@pytest.fixture
async def service(clock: ManualClock, tmp_path: Path) -> AsyncIterator[App]:
    """On a store that answers at once, so that calls are recalled by their wording."""
    async with open_app(configuration(), f"sqlite:///{tmp_path}/q.db", "127.0.0.1:0", clock=clock) as app:
        yield app


async def test_what_was_recalled_before_a_quarantine_is_not_given_again(
    http: httpx2.AsyncClient, service: App
) -> None:
    """The recorded first page of a browser, sent again and again; the answer keeps its shape (ID-229)."""
    sent = json.loads(recorded.WEB_FIRST_IDENTIFY)

    async def browser(**more: object) -> dict[str, object]:
        body = json.dumps({**sent, **more}).encode()
        answer = await post(http, "/v1/identify", body, {"x-mp-key": "us1-web"})
        assert answer.status_code == 200
        found: dict[str, object] = answer.json()
        return found

    before = [await browser() for _ in range(4)]
    await service.resolver.quarantine(QuarantineRequest(GRAPH, STAMP))
    strangers = [await browser() for _ in range(3)]
    stays = [await browser(previous_mpid=before[0]["mpid"]) for _ in range(4)]
    searched = await post(
        http,
        "/v1/search",
        json.dumps({"environment": "development", "known_identities": sent["known_identities"]}).encode(),
        {"x-mp-key": "us1-web"},
    )
    await service.resolver.quarantine(QuarantineRequest(GRAPH, STAMP, release=True))
    after = [await browser() for _ in range(3)]

    assert len({answer["mpid"] for answer in before}) == 1
    assert len({answer["mpid"] for answer in (*before, *strangers)}) == 4
    assert {answer["mpid"] for answer in stays} == {before[0]["mpid"]}
    assert stays[0]["matched_identities"] == {"device_application_stamp": recorded.DAS}
    assert stays[0].keys() == before[0].keys()
    assert (searched.status_code, code(searched)) == (404, "NOT_FOUND_ERROR")
    assert len({answer["mpid"] for answer in after}) == 1
    assert after[0]["mpid"] in {answer["mpid"] for answer in (*before, *strangers)}
