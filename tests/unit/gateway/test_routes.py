"""Which paths, methods and flags are served, and what the others are told."""

from __future__ import annotations

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from idsync.gateway.app import create_app
from idsync.server.app import App
from tests.unit.gateway import recorded
from tests.unit.gateway.calls import WEB, code, identify, post


@pytest.mark.parametrize("call", ["identify", "login", "logout", "search"])
@pytest.mark.parametrize("prefix", ["", "/identity"])
async def test_every_call_is_served_with_and_without_prefix(
    http: httpx2.AsyncClient, call: str, prefix: str
) -> None:
    """ID-220."""
    await identify(http, ios_idfv="d1")

    response = await post(http, f"{prefix}/v1/{call}")

    assert response.status_code == 200
    assert response.headers["x-mp-max-age"] == "3600"


async def test_modify_is_served_behind_the_prefix(http: httpx2.AsyncClient) -> None:
    """ID-220."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]

    response = await post(http, f"/identity/v1/{mpid}/modify", recorded.WEB_MODIFY)

    # The body is of the other environment, where there is no such profile (ID-004).
    assert response.status_code == 400
    assert code(response) == "LOOKUP_ERROR"


async def test_an_mpid_of_zero_is_nobodys(http: httpx2.AsyncClient) -> None:
    """ID-007, ID-150."""
    response = await post(http, "/v1/0/modify", recorded.WEB_MODIFY)

    assert code(response) == "LOOKUP_ERROR"


async def test_read_only_writes_nothing(http: httpx2.AsyncClient) -> None:
    """ID-088: also where the flag is written in capitals."""
    refused = await post(http, "/v1/identify?Read_Only=True")
    again = await post(http, "/v1/search")

    assert [refused.status_code, again.status_code] == [404, 404]
    assert code(refused) == "NOT_FOUND_ERROR"


async def test_matches_are_left_out_on_request(http: httpx2.AsyncClient) -> None:
    """ID-089."""
    response = await post(http, "/v1/identify?return_matches=false")

    assert "matched_identities" not in response.json()


@pytest.mark.parametrize(
    "path", ["/v1/identify", "/identity/v1/login", "/v1/5/modify", "/v1/identity/k/alias"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_another_method_is_refused(http: httpx2.AsyncClient, method: str, path: str) -> None:
    """ID-221; an OPTIONS that is no preflight is one of them."""
    response = await http.request(method, path, headers=WEB)

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/identify/", "/v2/identify", "/v1//modify", "/webevents/v1/identify", "/v1/IDENTIFY"],
)
async def test_an_unknown_path_is_not_found(http: httpx2.AsyncClient, path: str) -> None:
    """ID-221."""
    response = await post(http, path)

    assert response.status_code == 404
    assert "x-mp-trace-id" in response.headers


@pytest.mark.parametrize("path", ["/v1/identify", "/identity/v1/search"])
async def test_behind_a_root_path(service: App, path: str) -> None:
    """A server that mounts the gateway below a path of its own says so in the scope."""

    async def ready() -> bool:
        return True

    app = create_app(service.local_transport, ready=ready, registry=CollectorRegistry())
    transport = httpx2.ASGITransport(app=app, root_path="/below")
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as http:
        below = await post(http, f"/below{path}")
        elsewhere = await post(http, "/below/v1/nowhere")

    assert below.status_code in {200, 404}
    assert below.headers["content-type"] == "application/json"
    assert elsewhere.headers["content-type"].startswith("text/plain")
