"""HTTP on the wire, before a service in a process of its own: real clients, and callers who mean no good."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from idsync.model.signing import signature
from tests.e2e.http_process import WEB, HttpProcess, Line, head, http_process
from tests.unit.gateway import recorded

BODY = b'{"environment":"production","known_identities":{"ios_idfv":"d1"}}'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpProcess]:
    with http_process(tmp_path_factory.mktemp("http")) as running:
        yield running


@pytest.fixture
def line(service: HttpProcess) -> Line:
    return service.line()


def test_a_browser_byte_by_byte(line: Line) -> None:
    """The recorded first page and login, with the headers that count, over one connection."""
    headers = {
        "x-mp-key": "us1-0123456789abcdef",
        "content-type": "application/json",
        "accept": "text/plain;charset=UTF-8",
        "origin": "https://shop.example",
    }
    first = line.post("/v1/identify", recorded.WEB_FIRST_IDENTIFY, headers)
    login = line.post("/v1/login", recorded.WEB_LOGIN, headers)
    search = line.post("/v1/search?cb=1", recorded.WEB_SEARCH, headers)

    assert [first.status, login.status, search.status] == [200, 200, 200]
    assert first.json["mpid"] == login.json["mpid"] == search.json["mpid"]
    assert isinstance(first.json["mpid"], str)
    assert login.json["is_logged_in"] is True
    for answer in (first, login, search):
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-mp-max-age"] == "86400"
        assert answer.headers["access-control-allow-origin"] == "*"


def test_a_preflight_byte_by_byte(line: Line) -> None:
    """ID-227: what a browser asks before its first call."""
    line.send(
        b"OPTIONS /v1/identify HTTP/1.1\r\nhost: localhost\r\norigin: https://shop.example\r\n"
        b"access-control-request-method: POST\r\n"
        b"access-control-request-headers: content-type,x-mp-key\r\n\r\n"
    )
    answer = line.answer()

    assert 200 <= answer.status < 300
    assert answer.headers["access-control-allow-headers"] == "content-type,x-mp-key"


def test_a_device_compresses_and_signs(line: Line) -> None:
    """ID-224: the signature covers the text before gzip and the path without prefix."""
    body = recorded.ANDROID_IDENTIFY
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {
        "x-mp-key": "us1-android",
        "date": date,
        "x-mp-signature": signature("android-secret", "POST", date, "/v1/identify", body),
        "content-encoding": "gzip",
    }

    right = line.post("/identity/v1/identify", gzip.compress(body), headers)
    wrong = line.post("/identity/v1/login", gzip.compress(body), headers)

    assert right.status == 200
    assert (wrong.status, wrong.body) == (401, b"")


def test_a_body_may_come_in_chunks(line: Line) -> None:
    """And any number of requests over one connection."""
    packed = gzip.compress(BODY)
    for _ in range(3):
        line.send(head("/v1/identify", {**WEB, "transfer-encoding": "chunked", "content-encoding": "gzip"}))
        for number in packed:
            line.send(b"1\r\n%c\r\n" % number)
        line.send(b"0\r\n\r\n")

        assert line.answer().status == 200


def test_ten_megabytes_are_refused_and_the_connection_goes_on(line: Line) -> None:
    """ID-242: the answer can be read although nobody took the upload in."""
    large = line.post("/v1/identify", b"x" * 10_000_000)
    packed = line.post("/v1/identify", gzip.compress(b"x" * 10_000_000), {**WEB, "content-encoding": "gzip"})
    small = line.post("/v1/identify", BODY)

    assert [large.status, packed.status, small.status] == [400, 400, 200]
    assert large.json["ErrorCode"] == packed.json["ErrorCode"] == "VALIDATION_ERROR"


def test_an_upload_without_end_is_answered_before_its_end(line: Line) -> None:
    """ID-242: the limit counts what has come, not what was announced."""
    line.send(head("/v1/identify", {**WEB, "transfer-encoding": "chunked"}))
    chunk = b"1000\r\n" + b"x" * 4_096 + b"\r\n"
    for _ in range(80):
        line.send(chunk)

    answer = line.answer()

    assert (answer.status, answer.json["ErrorCode"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /v1/identify HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
        b"\x00" * 1_000,
        b"POST " + b"/" * 200_000,
        b"POST /v1/identify HTTP/1.1\r\n" + b"x-mp-key: k\r\n" * 20_000,
    ],
)
def test_garbage_costs_its_own_connection_alone(service: HttpProcess, line: Line, garbage: bytes) -> None:
    """Whatever becomes of it, everybody else is served."""
    try:
        line.send(garbage)
        line.socket.shutdown(socket.SHUT_WR)
        while line.socket.recv(65_536):
            pass
    except ConnectionError:
        # Refused in the middle, which is one way to be told.
        pass

    assert service.line().post("/v1/identify", BODY).status == 200


def test_a_caller_who_hangs_up_is_counted_and_forgotten(service: HttpProcess) -> None:
    """Half a body, then nothing: no fault of ours, and no answer to anybody."""
    quitter = service.line()
    quitter.send(head("/v1/identify", {**WEB, "content-length": "1000"}) + BODY)
    quitter.close()

    observer = service.line()
    gone = b'idsync_http_requests_total{route="/v1/identify",status="gone"}'
    for _ in range(10_000):
        shown = observer.get("/metrics").body
        if gone in shown:
            break

    assert gone in shown
    assert b'status="500"' not in shown


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"environment":', "BAD_REQUEST"),
        (b"[" * 250_000, "BAD_REQUEST"),
        (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "BAD_REQUEST"),
        (b"\xff\xfe" + BODY, "BAD_REQUEST"),
        (BODY.replace(b'"d1"', b'"\\udc00"'), "VALIDATION_ERROR"),
        (BODY[:-1] + b',"previous_mpid":18446744073709551616}', "VALIDATION_ERROR"),
        (BODY[:-1] + b',"previous_mpid":"9223372036854775808"}', "VALIDATION_ERROR"),
    ],
)
def test_hostile_bodies_get_a_clear_answer(line: Line, body: bytes, code: str) -> None:
    """ID-233."""
    answer = line.post("/v1/identify", body)

    assert (answer.status, answer.json["ErrorCode"]) == (400, code)


def test_values_are_kept_to_the_byte(line: Line) -> None:
    """ID-023: no folding, no trimming, no normalising, whatever characters there are."""
    values = ["Zoe\u0308", "Zo\u00eb", "ZOË", " zoe ", "a\u0000b", "\U0001f600", "a\u2028"]
    mpids = []
    for value in values * 2:
        body = json.dumps({"environment": "production", "known_identities": {"customerid": value}}).encode()
        answer = line.post("/v1/identify", body).json
        mpids.append(answer["mpid"])

    assert answer["matched_identities"] == {"customerid": values[-1]}
    assert mpids[: len(values)] == mpids[len(values) :]
    assert len(set(mpids)) == len(values)


def test_simultaneous_first_logins_make_one_profile_a_person(service: HttpProcess) -> None:
    """ID-041: whoever comes at the same moment with the same identity gets the same MPID, and no error."""

    def log_in(person: int) -> tuple[int, int, str]:
        caller = Line(service.port)
        identities = {"customerid": f"racer-{person}", "ios_idfv": f"racer-device-{person}"}
        body = json.dumps({"environment": "production", "known_identities": identities}).encode()
        answer = caller.post("/v1/login", body)
        caller.close()
        return person, answer.status, answer.json.get("mpid", "")

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(log_in, [person for person in range(20) for _ in range(8)]))

    assert {status for _, status, _ in answers} == {200}
    assert len({(person, mpid) for person, _, mpid in answers}) == 20
    assert len({mpid for _, _, mpid in answers}) == 20


def test_nothing_personal_is_logged(service: HttpProcess, line: Line) -> None:
    """Refused calls are logged with their trace id; identities, secrets and bodies are not."""
    body = b'{"environment":"production","known_identities":{"email":"jekyll@example.com","nickname":"hyde"}}'
    refused = line.post("/v1/identify", body)
    login = line.post("/v1/login", body.replace(b',"nickname":"hyde"', b""))
    unknown = line.post(
        "/v1/identify", body, {"x-mp-key": "us1-0123456789abcdef", "x-mp-signature": "5ec4e7"}
    )

    log = service.log.read_text()

    assert [refused.status, login.status, unknown.status] == [400, 200, 401]
    assert unknown.headers["x-mp-trace-id"] in log
    for word in ("jekyll", "hyde", "5ec4e7", "web-secret", "nickname"):
        assert word not in log
