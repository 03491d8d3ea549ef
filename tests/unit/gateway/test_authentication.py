"""Who calls comes first, and what is shown for it must be right (ID-222 to ID-226)."""

from __future__ import annotations

import httpx2
import pytest

from idsync.testing.clock import ManualClock
from tests.unit.gateway import recorded
from tests.unit.gateway.calls import BODY, SERVER, WEB, basic, code, post, signed

NO_CREDENTIALS: list[dict[str, str]] = [
    {},
    {"authorization": ""},
    {"x-mp-key": "no-such-key"},
    {"x-mp-key": "us1-server"},
    basic("us1-server", "wrong"),
    basic("nobody", "server-secret"),
    {"authorization": "Bearer us1-web"},
    {**SERVER, "x-mp-key": "us1-web"},
]
WRONG_SIGNATURES: list[dict[str, str]] = [
    {**WEB, "date": "20170712T224127Z", "x-mp-signature": "00"},
    {**WEB, "x-mp-signature": ""},
    {**SERVER, "date": "20170712T224127Z", "x-mp-signature": "00"},
]


@pytest.mark.parametrize("body", [BODY, b"", b'{"environment":', b'{"environment":"staging"}'])
@pytest.mark.parametrize("path", ["/v1/identify", "/v1/5/modify"])
async def test_authentication_comes_first(http: httpx2.AsyncClient, path: str, body: bytes) -> None:
    """ID-222, ID-226, ID-233: 401 with an empty body, whatever else is wrong with the request."""
    for headers in NO_CREDENTIALS + WRONG_SIGNATURES:
        response = await post(http, path, body, headers)

        assert (response.status_code, response.content, headers) == (401, b"", headers)


@pytest.mark.parametrize(
    ("body", "encoding"), [(b"x" * 300_000, "identity"), (b"{}", "gzip"), (b"{}", "br"), (b"\xff", "")]
)
async def test_authentication_comes_before_reading_too(
    http: httpx2.AsyncClient, body: bytes, encoding: str
) -> None:
    """ID-233."""
    for headers in NO_CREDENTIALS:
        response = await post(http, "/v1/identify", body, {**headers, "content-encoding": encoding})

        assert (response.status_code, response.content, headers) == (401, b"", headers)


async def test_a_signed_body_that_cannot_be_read_is_told_so(
    http: httpx2.AsyncClient, clock: ManualClock
) -> None:
    """There is no text to check the signature over, and a 401 would send its author the wrong way."""
    headers = {"x-mp-key": "us1-server", **signed(clock, "/v1/identify", b"x" * 300_000)}

    response = await post(http, "/v1/identify", b"x" * 300_000, headers)

    assert response.status_code == 400
    assert code(response) == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("path", "query", "signed_path"),
    [
        ("/v1/identify", "", "/v1/identify"),
        ("/identity/v1/identify", "", "/v1/identify"),
        ("/v1/identify", "?cb=1", "/v1/identify"),
        ("/v1/identify", "?cb=1", "/v1/identify?cb=1"),
        ("/identity/v1/identify", "?a=b&c=%20", "/v1/identify?a=b&c=%20"),
    ],
)
@pytest.mark.parametrize("with_basic", [False, True])
async def test_signatures_are_checked_by_the_service(
    http: httpx2.AsyncClient, clock: ManualClock, path: str, query: str, signed_path: str, *, with_basic: bool
) -> None:
    """ID-224: with and without prefix and query; ID-226: beside Basic as well."""
    more = SERVER if with_basic else {"x-mp-key": "us1-server"}

    right = await post(http, path + query, BODY, more | signed(clock, signed_path, BODY))
    wrong = await post(http, path + query, BODY + b" ", more | signed(clock, signed_path, BODY))

    assert [right.status_code, wrong.status_code] == [200, 401]


async def test_a_signature_does_not_make_up_for_a_wrong_secret(
    http: httpx2.AsyncClient, clock: ManualClock
) -> None:
    """ID-223, ID-226: what is sent must be right."""
    headers = basic("us1-server", "wrong") | signed(clock, "/v1/identify", BODY)

    assert (await post(http, "/v1/identify", BODY, headers)).status_code == 401


async def test_the_key_in_an_alias_path_decides(http: httpx2.AsyncClient, clock: ManualClock) -> None:
    """ID-226: Basic of another input is refused, a signature needs no key header, the body has no say."""
    path = "/v1/identity/us1-server/alias"
    body = b'{"api_key":"us1-web","data":{"source_mpid":1,"destination_mpid":2}}'

    answers = [
        await post(http, path, body, {}),
        await post(http, path, body, basic("us1-web", "web-secret")),
        await post(http, path, body, signed(clock, path, body, secret="web-secret")),
        await post(http, path, body, SERVER),
        await post(http, "/nativeevents" + path, body, signed(clock, path, body)),
    ]

    # The last two get as far as the profiles, which do not exist.
    assert [answer.status_code for answer in answers] == [401, 401, 401, 400, 400]


@pytest.mark.parametrize("body", [b"", b"[]", b"x" * 300_000, b'{"data":{}}', recorded.WEB_ALIAS])
async def test_whether_alias_is_available_comes_before_its_content(
    http: httpx2.AsyncClient, body: bytes
) -> None:
    """ID-180, ID-195: 403 with this strategy, whatever was sent; and 401 before that."""
    forbidden = await post(http, "/v1/identity/us1-apart/alias", body, {})
    unknown = await post(http, "/v1/identity/nobody/alias", body, {})

    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "FORBIDDEN")
    assert (unknown.status_code, unknown.content) == (401, b"")
