"""A gateway that reaches its service over gRPC answers like one within the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from idsync.client import GrpcTransport
from idsync.model.signing import signature
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from tests.unit.gateway.conftest import CONFIGURATION, browse, configuration

BODY = b'{"environment":"production","known_identities":{"ios_idfv":"d1"}}'
LIMITED = "[limits]\nrequests_per_second_per_key = 1000\n"


@pytest.fixture
async def service(clock: ManualClock) -> AsyncIterator[App]:
    limited = configuration(CONFIGURATION + LIMITED)
    async with open_app(limited, "memory://", "127.0.0.1:0", clock=clock) as app:
        yield app


@pytest.fixture
async def http(service: App) -> AsyncIterator[httpx2.AsyncClient]:
    transport = GrpcTransport(service.grpc_address)
    async with browse(transport, CollectorRegistry()) as client:
        yield client
    await transport.close()


async def test_answers_and_errors_are_the_same(http: httpx2.AsyncClient) -> None:
    """ID-236: what crosses the wire as a status comes out as the same error."""
    answers = [
        await http.post("/v1/identify", content=BODY, headers={"x-mp-key": "us1-web"}),
        await http.post("/v1/identify", content=BODY, headers={"x-mp-key": "nobody"}),
        await http.post(
            "/v1/identify", content=b'{"environment":"production"}', headers={"x-mp-key": "us1-web"}
        ),
        await http.post("/v1/identity/us1-apart/alias", content=b""),
    ]

    assert [answer.status_code for answer in answers] == [200, 401, 400, 403]
    assert answers[2].json()["ErrorCode"] == "LOOKUP_ERROR"


async def test_limits_and_traces_cross_the_wire(
    http: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """ID-234, ID-235."""
    found = await http.post("/v1/identify", content=BODY, headers={"x-mp-key": "us1-web"})
    refused = await http.post("/v1/identify", content=BODY, headers={"x-mp-key": "nobody"})

    assert found.headers["x-mp-rate-limit-percentage-used"] == "0"
    assert refused.headers["x-mp-trace-id"] in "".join(capsys.readouterr())


async def test_a_large_signed_request_crosses_the_wire(http: httpx2.AsyncClient, clock: ManualClock) -> None:
    """ID-224, ID-242: the text that was signed travels beside the call, twice where there is a query."""
    body = BODY[:-1] + b',"x":"' + b"y" * (262_144 - len(BODY) - 7) + b'"}'
    date = datetime.fromtimestamp(clock.now_ms / 1_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "x-mp-key": "us1-server",
        "date": date,
        "x-mp-signature": signature("server-secret", "POST", date, "/v1/identify?cb=1", body),
    }

    response = await http.post("/v1/identify?cb=1", content=body, headers=headers)

    assert response.status_code == 200
