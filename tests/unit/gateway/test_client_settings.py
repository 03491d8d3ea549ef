"""What clients are told before they begin (http-wire 9 and 10)."""

from __future__ import annotations

import httpx2
import pytest

from idsync.model.signing import signature
from idsync.testing.clock import ManualClock
from tests.unit.gateway.calls import ORIGIN, SERVER, signed


@pytest.mark.parametrize("prefix", ["", "/tags"])
async def test_a_page_is_told_to_send_batches(http: httpx2.AsyncClient, prefix: str) -> None:
    """Old clients do so only when told; and the answer wins over the page, so that nothing else is in it."""
    response = await http.get(f"{prefix}/JS/v2/us1-web/config?env=1&plan_id=p", headers=ORIGIN)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.json() == {"flags": {"eventsV3": "100", "eventBatchingIntervalMillis": "0"}}


@pytest.mark.parametrize("key", ["nobody", "us1-server"])
async def test_a_page_without_a_key_of_ours_goes_on_with_its_own(http: httpx2.AsyncClient, key: str) -> None:
    """404 is what it takes for that."""
    response = await http.get(f"/JS/v2/{key}/config?env=0", headers=ORIGIN)

    assert response.status_code == 404
    assert response.headers["access-control-allow-origin"] == "*"


def _signed(clock: ManualClock, path: str) -> dict[str, str]:
    date = signed(clock, path, b"")["date"]
    return {"date": date, "x-mp-signature": signature("server-secret", "GET", date, path, b"")}


@pytest.mark.parametrize("prefix", ["", "/config"])
async def test_a_device_signs_path_and_query(
    http: httpx2.AsyncClient, clock: ManualClock, prefix: str
) -> None:
    """http-wire 1.2: without the prefix, and with the query."""
    path = "/v4/us1-server/config?av=1.0&sv=5.62.0"
    headers = {**_signed(clock, path), "x-mp-env": "1"}

    first = await http.get(prefix + path, headers=headers)
    again = await http.get(prefix + path, headers={**headers, "if-none-match": first.headers["etag"]})
    other = await http.get(prefix + path, headers={**headers, "if-none-match": '"other"'})
    forged = await http.get(prefix + path + "&x=1", headers=headers)

    assert (first.status_code, first.json()["dt"]) == (200, "ac")
    assert (again.status_code, again.content) == (304, b"")
    assert [other.status_code, forged.status_code] == [200, 401]


@pytest.mark.parametrize("prefix", ["", "/nativeevents"])
async def test_nobody_is_in_an_audience_yet(http: httpx2.AsyncClient, prefix: str) -> None:
    response = await http.get(f"{prefix}/v1/us1-web/audience?mpid=-5", headers=ORIGIN)

    assert response.status_code == 200
    assert response.json()["dt"] == "cam"
    assert response.json()["audience_memberships"] == []


async def test_audiences_of_nobody(http: httpx2.AsyncClient) -> None:
    """300 MPIDs are not one, and an unknown key may not ask."""
    many = ",".join(str(n) for n in range(300))

    answers = [
        await http.get("/v1/us1-web/audience", headers=ORIGIN),
        await http.get(f"/v1/us1-web/audience?mpid={many}", headers=ORIGIN),
        await http.get("/v1/nobody/audience?mpid=1", headers=ORIGIN),
        await http.get("/v1/us1-server/audience?mpid=1", headers=SERVER),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 401, 200]


async def test_uploads_are_not_served_where_no_events_are_kept(http: httpx2.AsyncClient) -> None:
    """404 is what makes clients drop them; anything else comes back."""
    response = await http.post("/v3/JS/us1-web/events", content=b"{}", headers=ORIGIN)

    assert response.status_code == 404
