"""Uploads as clients make them, and what can be read back of them."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.unit.gateway.calls import SERVER, basic

READER = basic("us1-reader", "reader-secret")
OUTLET = basic("us1-outlet", "outlet-secret")
OPERATOR = {"authorization": "Bearer op-token"}
BROWSER = {"origin": "https://shop.example", "content-type": "text/plain;charset=UTF-8"}


def custom_event(name: str, timestamp_ms: int | None = 1_795_296_052_675, **data: object) -> dict[str, Any]:
    said: dict[str, object] = {"custom_event_type": "other", "event_name": name, **data}
    if timestamp_ms is not None:
        said["timestamp_unixtime_ms"] = timestamp_ms
    return {"event_type": "custom_event", "data": said}


def batch(mpid: object, *events: object, **members: object) -> dict[str, Any]:
    return {"mpid": mpid, "environment": "production", "events": list(events), **members}


async def upload(
    http: httpx2.AsyncClient, body: object, path: str = "/v3/JS/us1-web/events", **headers: str
) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await http.post(path, content=content, headers={**BROWSER, **headers})


async def upload_as_server(
    http: httpx2.AsyncClient, body: object, path: str = "/v2/events", headers: dict[str, str] | None = None
) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await http.post(path, content=content, headers=SERVER if headers is None else headers)


async def events_of(
    http: httpx2.AsyncClient, mpid: object, headers: dict[str, str] | None = None, query: str = ""
) -> list[dict[str, Any]]:
    path = f"/v1/operator/profiles/{mpid}/events{query}"
    response = await http.get(path, headers=READER if headers is None else headers)
    assert response.status_code == 200, response.text
    listed: list[dict[str, Any]] = response.json()["events"]
    return listed


async def names_of(http: httpx2.AsyncClient, mpid: object) -> list[str]:
    return [event["name"] for event in await events_of(http, mpid)]


async def causes(http: httpx2.AsyncClient) -> list[str]:
    """Say why batches were refused, the last first."""
    response = await http.get("/v1/operator/refused-batches", headers=OPERATOR)
    assert response.status_code == 200, response.text
    return [each["cause"] for each in response.json()["refused"]]
