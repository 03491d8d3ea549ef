"""Every answer can be named: by the caller's request id, and by a trace id that the log knows too."""

from __future__ import annotations

import re

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from idsync.server.app import App
from tests.unit.gateway.calls import ORIGIN, post
from tests.unit.gateway.conftest import browse


async def test_request_ids_come_back_in_errors(http: httpx2.AsyncClient) -> None:
    """ID-232: the caller's own word, in either spelling; without one, the trace id."""
    answers = [
        await post(http, "/v1/identify", body)
        for body in (b'{"request_id":"r-1"}', b'{"requestId":"r-2"}', b'{"request_id":7}', b"{")
    ]

    assert [answer.json()["RequestId"] for answer in answers] == [
        "r-1",
        "r-2",
        answers[2].headers["x-mp-trace-id"],
        answers[3].headers["x-mp-trace-id"],
    ]


async def test_trace_ids_are_on_every_answer_and_differ(http: httpx2.AsyncClient) -> None:
    """ID-235: answers, errors, preflights, probes, unknown paths."""
    preflight = {**ORIGIN, "access-control-request-method": "POST"}
    answers = [
        await post(http, "/v1/identify"),
        await post(http, "/v1/identify", b""),
        await post(http, "/v1/identify", headers={}),
        await post(http, "/nowhere"),
        await http.get("/v1/identify"),
        await http.get("/healthz"),
        await http.options("/v1/identify", headers=preflight),
    ]

    traces = {answer.headers["x-mp-trace-id"] for answer in answers}
    assert len(traces) == len(answers)
    assert all(re.fullmatch(r"[0-9a-f]{32}", trace) for trace in traces)


async def test_the_service_hears_of_the_trace(service: App, capsys: pytest.CaptureFixture[str]) -> None:
    """ID-235: one id joins the answer and the log of the service."""
    async with browse(service.local_transport, CollectorRegistry()) as http:
        response = await post(http, "/v1/search")

        refused = await post(http, "/v1/identify", b'{"environment":"production"}')
    logged = "".join(capsys.readouterr())

    assert response.status_code == 404
    assert refused.headers["x-mp-trace-id"] in logged
