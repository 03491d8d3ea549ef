"""What those who run the gateway ask of it: whether it is alive and ready, and its metrics."""

from __future__ import annotations

import re

import httpx2
from prometheus_client import CollectorRegistry

from idsync.server.app import App
from tests.unit.gateway import recorded
from tests.unit.gateway.calls import identify, post
from tests.unit.gateway.conftest import browse


async def test_probes(service: App) -> None:
    """Open to everybody."""
    async with browse(service.local_transport, CollectorRegistry()) as http:
        alive, ready = await http.get("/healthz"), await http.get("/readyz")
    async with browse(service.local_transport, CollectorRegistry(), is_ready=False) as http:
        still_alive, not_ready = await http.get("/healthz"), await http.get("/readyz")

    assert [alive.status_code, ready.status_code] == [200, 200]
    assert [still_alive.status_code, not_ready.status_code] == [200, 503]
    assert not_ready.headers["retry-after"] == "1"


async def test_metrics_name_routes_and_nothing_personal(http: httpx2.AsyncClient) -> None:
    """Requests are counted by the line of the table; keys, MPIDs and values are no labels."""
    await identify(http, email="jekyll@example.com")
    await post(http, "/v1/-87/modify", recorded.WEB_MODIFY)
    await post(http, "/webevents/v1/identity/us1-web/Alias", b"")
    await post(http, "/jekyll@example.com")

    shown = (await http.get("/metrics")).text

    counted = dict(
        re.findall(r'^idsync_http_requests_total\{route="(.*)",status="(\d+)"\} 1.0$', shown, re.MULTILINE)
    )
    assert counted == {
        "/v1/identify": "200",
        "/v1/{mpid}/modify": "400",
        "/webevents/v1/identity/{key}/{alias}": "400",
        "none": "404",
    }
    assert 'idsync_http_request_seconds_count{route="/v1/identify"} 1.0' in shown
    for secret in ("jekyll", "us1-web", "-87"):
        assert secret not in shown


async def test_metrics_of_the_service_are_shown_too(http: httpx2.AsyncClient) -> None:
    """One registry, one page; in the newer format for those who ask for it."""
    await identify(http, ios_idfv="d1")

    plain = await http.get("/metrics")
    newer = await http.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})

    assert "grpc_server_handled_total" in plain.text
    assert plain.headers["content-type"].startswith("text/plain")
    assert newer.headers["content-type"].startswith("application/openmetrics-text")
