"""Pages of other origins may call, and may read every answer (ID-227)."""

from __future__ import annotations

import httpx2
import pytest

from tests.unit.gateway.calls import ORIGIN, WEB, post

EXPOSED = {
    "x-mp-max-age",
    "retry-after",
    "x-mp-trace-id",
    "x-mp-rate-limit-exceeded",
    "x-mp-rate-limit-percentage-used",
}


async def test_every_answer_can_be_read_by_a_page(http: httpx2.AsyncClient) -> None:
    """ID-227: without these headers a browser hides the answer, errors included."""
    headers = {**WEB, **ORIGIN}
    answers = [
        await post(http, "/v1/identify", headers=headers),
        await post(http, "/v1/identify", b"", headers),
        await post(http, "/v1/identify", headers=ORIGIN),
        await post(
            http, "/v1/search?x=1", b'{"environment":"production","known_identities":{"email":"a"}}', headers
        ),
        await post(http, "/v1/identity/us1-web/Alias", b"", ORIGIN),
        await post(http, "/nowhere", headers=ORIGIN),
        await http.get("/v1/identify", headers=ORIGIN),
    ]

    assert [answer.status_code for answer in answers] == [200, 400, 401, 404, 400, 404, 405]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
        assert set(exposed) == EXPOSED


@pytest.mark.parametrize(
    "asked", ["content-type, x-mp-key", "x-mp-key", "content-type", "traceparent,x-mp-key"]
)
@pytest.mark.parametrize("path", ["/v1/identify", "/v1/search", "/v1/5/modify", "/v1/identity/us1-web/Alias"])
async def test_preflights_are_granted(http: httpx2.AsyncClient, path: str, asked: str) -> None:
    """ID-227: what browsers ask before identity calls, and for how long they need not ask again."""
    headers = {
        **ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": asked,
    }
    response = await http.options(path, headers=headers)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-headers"] == asked
    assert "POST" in response.headers["access-control-allow-methods"]
    assert int(response.headers["access-control-max-age"]) > 0


async def test_a_page_of_the_network_may_call_a_service_at_home(http: httpx2.AsyncClient) -> None:
    """http-wire 3: whatever a browser asks besides, its preflight is granted."""
    asked = {"access-control-request-method": "POST", "access-control-request-private-network": "true"}
    response = await http.options("/v1/identify", headers={**ORIGIN, **asked})

    assert response.status_code == 200
    assert response.headers["access-control-allow-private-network"] == "true"
