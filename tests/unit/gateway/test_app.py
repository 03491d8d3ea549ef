"""The gateway before a whole service: what published clients send, and what they need to read."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from idsync.client import AsyncClient, KeyCredentials, Metadata, Rpc, Trailing
from idsync.model.signing import signature
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.gateway import recorded
from tests.unit.gateway.conftest import CONFIGURATION, LIMITS, browse, configuration

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


async def test_a_browser_from_its_first_page_to_its_login(http: httpx2.AsyncClient) -> None:
    """Recorded calls in the order in which they come; one profile all the way (ID-101)."""
    headers = {**WEB, **ORIGIN, "content-type": "application/json", "accept": "text/plain;charset=UTF-8"}
    first = await post(http, "/v1/identify", recorded.WEB_FIRST_IDENTIFY, headers)
    mpid = first.json()["mpid"]

    assert first.json() == {
        "context": None,
        "mpid": mpid,
        "matched_identities": {},
        "is_ephemeral": True,
        "is_logged_in": False,
    }
    assert first.headers["x-mp-max-age"] == "3600"
    assert re.fullmatch(r"-?[1-9]\d*", mpid)

    old = await post(http, "/v1/identify", recorded.WEB_OLD_IDENTIFY, headers)
    login = await post(http, "/v1/login", recorded.WEB_LOGIN, headers)

    assert old.json()["mpid"] == login.json()["mpid"] == mpid
    assert login.json()["matched_identities"] == {"device_application_stamp": recorded.DAS}
    assert login.json()["is_logged_in"] is True

    search = await post(http, "/v1/search?cb=1", recorded.WEB_SEARCH, headers)
    modify = await post(http, f"/v1/{mpid}/modify", recorded.WEB_MODIFY, headers)

    assert search.json()["mpid"] == mpid
    assert modify.json() == {
        "change_results": [{"identity_type": "email", "modified_mpid": mpid}],
        "is_logged_in": True,
    }
    assert "x-mp-max-age" not in modify.headers

    gone = await post(http, "/v1/search?cb=2", recorded.WEB_SEARCH, headers)

    assert gone.status_code == 404
    assert code(gone) == "NOT_FOUND_ERROR"


async def test_android_compresses_and_signs(http: httpx2.AsyncClient, clock: ManualClock) -> None:
    """ID-224, ID-227: signed over the text before compression."""
    body = recorded.ANDROID_IDENTIFY
    headers = {"x-mp-key": "us1-server", "content-encoding": "gzip", **signed(clock, "/v1/identify", body)}

    response = await post(http, "/v1/identify", gzip.compress(body), headers)

    assert response.status_code == 200


async def test_roku_logs_in_and_modifies(http: httpx2.AsyncClient) -> None:
    """`requestId`, an empty previous MPID, a change without its old value."""
    login = await post(http, "/v1/login", recorded.ROKU_LOGIN)
    mpid = login.json()["mpid"]
    modify = await post(http, f"/v1/{mpid}/modify", recorded.ROKU_MODIFY)

    assert modify.json()["change_results"] == [
        {"identity_type": "email", "modified_mpid": mpid},
        {"identity_type": "customerid", "modified_mpid": mpid},
    ]


@pytest.mark.parametrize("path", ["/v1/identity/{}/alias", "/webevents/v1/identity/{}/Alias"])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain;charset=UTF-8"])
async def test_an_alias_of_a_browser(http: httpx2.AsyncClient, path: str, content_type: str) -> None:
    """ID-185, ID-226: the key in the path alone, whatever the content type says."""
    source, destination = await identify(http, ios_idfv="d1"), await identify(http, ios_idfv="d2")
    body = {"data": {"source_mpid": source["mpid"], "destination_mpid": int(destination["mpid"])}}

    response = await post(
        http, path.format("us1-web"), json.dumps(body).encode(), {**ORIGIN, "content-type": content_type}
    )

    assert (response.status_code, response.content) == (202, b"")
    assert response.headers["access-control-allow-origin"] == "*"


async def test_the_recorded_alias_is_understood(http: httpx2.AsyncClient) -> None:
    """Its profiles do not exist here, which is the only thing wrong with it."""
    for body in (recorded.WEB_ALIAS, recorded.NATIVE_ALIAS):
        response = await post(http, "/nativeevents/v1/identity/us1-web/alias", body, {})

        assert response.status_code == 400
        assert response.json()["code"] == "INVALID_DATA"
        assert set(response.json()) == {"code", "message"}


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


async def test_a_limit_is_told_in_headers(clock: ManualClock) -> None:
    """ID-234: and comes before validation, so that garbage does not get off free."""
    limited = configuration(CONFIGURATION + LIMITS)
    async with (
        open_app(limited, "memory://", "127.0.0.1:0", clock=clock) as service,
        browse(service.local_transport, service.registry) as http,
    ):
        for body in (BODY, b"", b"x" * 300_000):
            # The window is of real time: on a busy machine it may pass between two calls.
            for _ in range(100):
                response = await post(http, "/v1/identify", body, {**WEB, **ORIGIN})
                if response.status_code == 429:
                    break

            assert code(response) == "TOO_MANY_REQUESTS"
            assert response.headers["retry-after"] == "1"
            assert response.headers["x-mp-rate-limit-exceeded"] == "app"
            assert response.headers["access-control-allow-origin"] == "*"


async def test_how_much_of_a_limit_is_used(clock: ManualClock) -> None:
    """ID-234: on successful answers where a limit applies, and nowhere else."""
    limited = configuration(CONFIGURATION + LIMITS.replace("= 1", "= 1000"))
    async with (
        open_app(limited, "memory://", "127.0.0.1:0", clock=clock) as service,
        browse(service.local_transport, service.registry) as http,
    ):
        answers = [await post(http, "/v1/identify", headers={**WEB, **ORIGIN}) for _ in range(11)]
        probe = await http.get("/healthz")

    # On a busy machine some of the eleven may have left the window of one second.
    assert 0 <= int(answers[-1].headers["x-mp-rate-limit-percentage-used"]) <= 1
    assert answers[0].headers["x-mp-rate-limit-percentage-used"] == "0"
    assert "x-mp-rate-limit-percentage-used" not in probe.headers


async def test_without_limits_nothing_is_used(http: httpx2.AsyncClient) -> None:
    """ID-234: where no limit applies, no percentage is told."""
    assert "x-mp-rate-limit-percentage-used" not in (await post(http, "/v1/identify")).headers


class Broken:
    """A transport with a fault that nobody planned, and a text that nobody may read."""

    async def call(
        self,
        rpc: Rpc,
        request: object,
        metadata: Metadata,
        timeout_s: float | None,
        trailing: Trailing | None = None,
    ) -> Any:
        raise ValueError("jekyll@example.com")

    def stream(self, rpc: Rpc, requests: object, metadata: Metadata) -> Any:
        raise ValueError

    async def close(self) -> None:
        """Nothing to close."""


async def test_a_fault_of_ours_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Outside a code and a trace id, inside the place, nowhere a value; and a page can read the answer."""
    registry = CollectorRegistry()
    async with browse(Broken(), registry) as http:
        identity = await post(http, "/v1/identify", headers={**WEB, **ORIGIN})
        alias = await post(http, "/v1/identity/k/alias", recorded.WEB_ALIAS, ORIGIN)
    logged = "".join(capsys.readouterr())

    for response in (identity, alias):
        assert response.status_code == 500
        assert "INTERNAL_ERROR" in response.text
        assert "jekyll" not in response.text
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["x-mp-trace-id"] in logged
    assert "jekyll" not in logged
    assert "ValueError" in logged


async def test_a_service_that_is_gone(service: App) -> None:
    """ID-233, ID-234: 503 with a wait; clients treat it like 429."""
    async with browse(service.local_transport, CollectorRegistry()) as http:
        await service.local_transport.close()

        response = await post(http, "/v1/identify")

    assert (response.status_code, code(response)) == (503, "INTERNAL_ERROR")
    assert response.headers["retry-after"] == "1"


async def test_the_service_hears_of_the_trace(service: App, capsys: pytest.CaptureFixture[str]) -> None:
    """ID-235: one id joins the answer and the log of the service."""
    async with browse(service.local_transport, CollectorRegistry()) as http:
        response = await post(http, "/v1/search")

        refused = await post(http, "/v1/identify", b'{"environment":"production"}')
    logged = "".join(capsys.readouterr())

    assert response.status_code == 404
    assert refused.headers["x-mp-trace-id"] in logged


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


async def test_http_and_the_typed_interface_mean_the_same(service: App, http: httpx2.AsyncClient) -> None:
    """One service behind both: what one wrote, the other reads."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    typed = AsyncClient(service.local_transport, KeyCredentials("us1-web"))

    answer = await typed.identify(
        pb.IdentifyRequest(
            environment=identity_pb2.ENVIRONMENT_PRODUCTION,
            known_identities=[identity_pb2.Identity(type=identity_pb2.IDENTITY_TYPE_IOS_IDFV, value="d1")],
        )
    )

    assert str(answer.mpid) == mpid
