"""What operators read back of events: their own workspace's, by pages, and never by a token in an address."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.unit.gateway.calls import ORIGIN, SERVER, basic, identify
from tests.unit.gateway.events.uploads import (
    OPERATOR,
    OUTLET,
    READER,
    batch,
    custom_event,
    events_of,
    upload,
)


async def _with_events(http: httpx2.AsyncClient, count: int) -> str:
    mpid: str = (await identify(http, ios_idfv="d1"))["mpid"]
    for first in range(0, count, 500):
        events = [custom_event(f"e{n}", 1_000 + n // 2) for n in range(first, min(first + 500, count))]
        assert (await upload(http, batch(mpid, *events))).status_code == 202
    return mpid


async def _page(http: httpx2.AsyncClient, mpid: str, **query: object) -> dict[str, Any]:
    params = {name: str(value) for name, value in query.items()}
    response = await http.get(f"/v1/operator/profiles/{mpid}/events", headers=READER, params=params)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


async def test_newest_first_by_pages_of_a_hundred(http: httpx2.AsyncClient) -> None:
    """Two events a moment: the later of the upload is the newer."""
    mpid = await _with_events(http, 250)

    first = await _page(http, mpid)
    second = await _page(http, mpid, page_token=first["next_page_token"])
    third = await _page(http, mpid, page_token=second["next_page_token"])

    names = [event["name"] for page in (first, second, third) for event in page["events"]]
    assert names == [f"e{n}" for n in reversed(range(250))]
    assert [len(page["events"]) for page in (first, second, third)] == [100, 100, 50]
    assert "next_page_token" not in third


async def test_at_most_a_thousand(http: httpx2.AsyncClient) -> None:
    mpid = await _with_events(http, 1_001)

    assert len((await _page(http, mpid, page_size=1_000))["events"]) == 1_000
    assert len((await _page(http, mpid, page_size=5_000))["events"]) == 1_000
    assert len((await _page(http, mpid, page_size=3))["events"]) == 3


async def test_each_workspace_sees_its_own(http: httpx2.AsyncClient) -> None:
    """A profile may be shared by workspaces of a scope, its events are not; an operator sees all."""
    mpid = await _with_events(http, 1)

    assert [event["name"] for event in await events_of(http, mpid, READER)] == ["e0"]
    assert await events_of(http, mpid, OUTLET) == []
    assert [event["name"] for event in await events_of(http, mpid, OPERATOR)] == ["e0"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-mp-key": "us1-web"}, 401),
        (basic("us1-reader", "wrong"), 401),
        ({"authorization": "Bearer wrong"}, 401),
        (SERVER, 403),
    ],
)
@pytest.mark.parametrize("path", ["profiles/{}/events", "refused-batches"])
async def test_who_may_not_read(
    http: httpx2.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    """EV-002: the key of a page or a server opens nothing."""
    mpid = await _with_events(http, 1)

    answer = await http.get("/v1/operator/" + path.format(mpid), headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize("headers", [{}, READER, OPERATOR])
@pytest.mark.parametrize(
    "query",
    [
        "token=op-token",
        "access_token=op-token",
        "Operator-Token=x",
        "key=a&secret=b",
        "client_secret=op-token",
        "x-mp-key=k",
        "jwt=op-token",
        "token[]=op-token",
        "%20to%6ben=op-token",
        "page_token=5.5&Page_Token=op-token",
    ],
)
@pytest.mark.parametrize("path", ["profiles/1/events", "refused-batches"])
async def test_a_token_in_the_query_is_refused(
    http: httpx2.AsyncClient, path: str, query: str, headers: dict[str, str]
) -> None:
    """Addresses are logged on their way: it is refused even beside a good header, to be noticed."""
    answer = await http.get(f"/v1/operator/{path}?{query}", headers=headers)

    assert answer.status_code == 400
    assert "Authorization" in answer.json()["errors"][0]["message"]
    assert "op-token" not in answer.text


@pytest.mark.parametrize(
    "mpid", [",".join(str(n) for n in range(300)), "0x1", "1%2C2", "99999999999999999999", "a"]
)
async def test_an_mpid_is_one_number(http: httpx2.AsyncClient, mpid: str) -> None:
    """300 MPIDs in a path are none."""
    answer = await http.get(f"/v1/operator/profiles/{mpid}/events", headers=READER)

    assert answer.status_code == 400


async def test_three_hundred_segments_are_no_path(http: httpx2.AsyncClient) -> None:
    path = "/".join(str(n) for n in range(300))

    answers = [
        await http.get(f"/v1/operator/profiles/{path}/events", headers=READER),
        await http.post(f"/v1/{path}/modify", headers=READER),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize(
    "query",
    ["page_size=0", "page_size=-1", "page_size=x", "page_size=" + "9" * 30, "page_token=1", "page_token=a.b"],
)
async def test_a_page_that_cannot_be(http: httpx2.AsyncClient, query: str) -> None:
    mpid = await _with_events(http, 1)

    answer = await http.get(f"/v1/operator/profiles/{mpid}/events?{query}", headers=READER)

    assert answer.status_code == 400


async def test_an_unknown_profile_is_not_found(http: httpx2.AsyncClient) -> None:
    """PL-005: as is one of another scope."""
    answer = await http.get("/v1/operator/profiles/77/events", headers=READER)

    assert answer.status_code == 404


async def test_no_page_of_another_origin_reads_along(http: httpx2.AsyncClient) -> None:
    """Neither the answer nor a preflight lets it."""
    mpid = await _with_events(http, 1)
    path = f"/v1/operator/profiles/{mpid}/events"
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}

    answers = [
        await http.get(path, headers={**READER, **ORIGIN}),
        await http.get(path, headers=ORIGIN),
        await http.options(path, headers={**ORIGIN, **asked}),
    ]

    assert [answer.status_code for answer in answers] == [200, 401, 405]
    assert not any("access-control-allow-origin" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "x" * 5_000, "https://a.example, https://b.example"]
)
async def test_a_hostile_origin_is_let_in_but_never_with_credentials(
    http: httpx2.AsyncClient, origin: str
) -> None:
    """ID-227: what a page may do it does by its key; nothing a browser adds by itself counts here."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-mp-key"}

    answers = [
        await upload(http, batch(mpid, custom_event("a")), origin=origin, cookie="session=1"),
        await http.options("/v1/identify", headers={"origin": origin, **asked}),
    ]

    assert [answer.status_code for answer in answers] == [202, 200]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
