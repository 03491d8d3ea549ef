"""Calls of the gateway as published clients make them, and what their answers say."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import httpx2

from idsync.model.signing import signature
from idsync.testing.clock import ManualClock

WEB = {"x-mp-key": "us1-web"}
ORIGIN = {"origin": "https://shop.example"}
BODY = b'{"environment":"production","known_identities":{"ios_idfv":"d1"}}'


def basic(key: str, secret: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(f'{key}:{secret}'.encode()).decode()}"}


SERVER = basic("us1-server", "server-secret")


def signed(clock: ManualClock, path: str, body: bytes, *, secret: str = "server-secret") -> dict[str, str]:
    """Sign the way devices do; without the key header."""
    date = datetime.fromtimestamp(clock.now_ms / 1_000, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return {"date": date, "x-mp-signature": signature(secret, "POST", date, path, body)}


async def post(
    http: httpx2.AsyncClient, path: str, body: bytes = BODY, headers: dict[str, str] | None = None
) -> httpx2.Response:
    return await http.post(path, content=body, headers=WEB if headers is None else headers)


async def identify(http: httpx2.AsyncClient, **identities: str) -> dict[str, Any]:
    body = {"environment": "production", "known_identities": identities}
    response = await post(http, "/v1/identify", json.dumps(body).encode())
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def code(response: httpx2.Response) -> str:
    """Read the code of an identity error, wherever a client looks for it."""
    body = response.json()
    assert body["errors"] == body["Errors"]
    assert body["errors"][0]["code"] == body["ErrorCode"]
    assert body["StatusCode"] == response.status_code
    found: str = body["ErrorCode"]
    return found
