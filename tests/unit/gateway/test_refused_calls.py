"""What a call may hold, and the error codes of those that hold something else (ID-233, ID-242)."""

from __future__ import annotations

import json

import httpx2
import pytest

from tests.unit.gateway.calls import BODY, code, identify, post


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"", "INVALID_DATA"), (b"\xff", "INVALID_DATA"), (b"x" * 300_000, "VALIDATION_ERROR")],
)
async def test_a_malformed_alias(http: httpx2.AsyncClient, body: bytes, expected: str) -> None:
    """ID-182, ID-233."""
    response = await post(http, "/v1/identity/us1-web/alias", body, {})

    assert (response.status_code, response.json()["code"]) == (400, expected)


TOO_LONG = "x" * 257
TABLE = [
    (b'{"environment":', "BAD_REQUEST"),
    (b"[]", "BAD_REQUEST"),
    (b"", "BAD_REQUEST"),
    (b'{"environment":"production","known_identities":{"email":"\xff"}}', "BAD_REQUEST"),
    (b"[" * 100_000, "BAD_REQUEST"),
    (b"x" * 300_000, "VALIDATION_ERROR"),
    (b'{"environment":"production","known_identities":{"email":"\\ud800"}}', "VALIDATION_ERROR"),
    (b'{"known_identities":{"ios_idfv":"d1"}}', "VALIDATION_ERROR"),
    (b'{"environment":"staging","known_identities":{}}', "VALIDATION_ERROR"),
    (b'{"environment":"production"}', "LOOKUP_ERROR"),
    (b'{"environment":"production","known_identities":null}', "LOOKUP_ERROR"),
    (b'{"environment":"production","known_identities":{}}', "LOOKUP_ERROR"),
    (b'{"environment":"production","known_identities":{"email":"","customerid":null}}', "LOOKUP_ERROR"),
    (b'{"environment":"production","known_identities":{"email":null}}', "LOOKUP_ERROR"),
    (b'{"environment":"production","known_identities":{"ios_idfa":"0000-0000"}}', "LOOKUP_ERROR"),
    (b'{"environment":"production","known_identities":[]}', "VALIDATION_ERROR"),
    (b'{"environment":"production","known_identities":{"shoe_size":"44"}}', "VALIDATION_ERROR"),
    (b'{"environment":"production","known_identities":{"email":5}}', "VALIDATION_ERROR"),
    (b'{"environment":"production","known_identities":{},"previous_mpid":"abc"}', "VALIDATION_ERROR"),
    (
        b'{"environment":"production","known_identities":{"email":"%s"}}' % TOO_LONG.encode(),
        "VALIDATION_ERROR",
    ),
    (b'{"environment":"production","known_identities":{"email":"a","email":"b"}}', "VALIDATION_ERROR"),
    (
        b'{"environment":"production","known_identities":'
        b'{"facebookcustomaudienceid":"a","facebook_custom_audience_id":"b"}}',
        "VALIDATION_ERROR",
    ),
]


@pytest.mark.parametrize(("body", "expected"), TABLE)
async def test_every_row_of_the_table(http: httpx2.AsyncClient, body: bytes, expected: str) -> None:
    """ID-233: conditions of a body, on every call; what the gateway finds and what the service does alike."""
    for call in ("identify", "login", "logout", "search"):
        response = await post(http, f"/v1/{call}", body)

        assert (response.status_code, code(response), call) == (400, expected, call)
        assert response.headers["content-type"] == "application/json"


async def test_nothing_to_look_up_has_its_published_text(http: httpx2.AsyncClient) -> None:
    """ID-233: clients have it in their tests."""
    response = await post(http, "/v1/login", b'{"environment":"production","known_identities":{}}')

    assert response.json()["errors"] == [{"code": "LOOKUP_ERROR", "message": "knownIdentities is empty."}]


async def test_a_login_without_login_id(http: httpx2.AsyncClient) -> None:
    """ID-082."""
    body = b'{"environment":"production","known_identities":{"device_application_stamp":"d"}}'

    response = await post(http, "/v1/login", body, {"x-mp-key": "us1-apart"})

    assert (response.status_code, code(response)) == (400, "LOOKUP_ERROR")


async def test_at_most_100_changes(http: httpx2.AsyncClient) -> None:
    """ID-242."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    statuses = []
    for count in (100, 101):
        changes = [{"identity_type": "roku_aid", "new_value": f"v{n}"} for n in range(count)]
        body = json.dumps({"environment": "production", "identity_changes": changes}).encode()
        statuses.append((await post(http, f"/v1/{mpid}/modify", body)).status_code)

    assert statuses == [200, 400]


async def test_a_request_at_the_limit_is_answered(http: httpx2.AsyncClient) -> None:
    """ID-242: 256 KB of JSON, the rest of it ignored members."""
    body = BODY[:-1] + b',"x":"' + b"y" * (262_144 - len(BODY) - 7) + b'"}'
    assert len(body) == 262_144

    assert (await post(http, "/v1/identify", body)).status_code == 200
