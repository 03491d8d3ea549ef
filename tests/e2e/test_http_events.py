"""Events over real connections: kept before they are acknowledged, whoever dies then."""

from __future__ import annotations

import json
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.http_process import CONFIGURATION, WEB, Answer, HttpProcess, Line, head, http_process

READABLE = (
    CONFIGURATION
    + """
[operator]
token = "op-token"

[[workspaces.shop.inputs]]
platform = "feed"
key = "reader"
secret = "reader-secret"
may_read = true
"""
)
UPLOAD = "/v3/JS/us1-0123456789abcdef/events"
BROWSER = {"origin": "https://shop.example", "content-type": "text/plain;charset=UTF-8"}
IDENTIFY = b'{"environment":"production","known_identities":{"customerid":"c-1"}}'


@pytest.fixture(scope="module", params=[1, 2])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HttpProcess]:
    """Alone, and behind two processes that take connections."""
    flags = ("--processes", str(request.param))
    with http_process(tmp_path_factory.mktemp("events"), READABLE, *flags) as running:
        yield running


def _mpid(line: Line) -> str:
    mpid: str = line.post("/v1/identify", IDENTIFY, WEB).json["mpid"]
    return mpid


def _batch(mpid: str, request_id: str, name: str) -> bytes:
    event = {"event_type": "custom_event", "data": {"event_name": name}}
    members = {"mpid": mpid, "environment": "production", "source_request_id": request_id, "events": [event]}
    return json.dumps(members).encode()


def _upload(line: Line, mpid: str, request_id: str, name: str) -> Answer:
    return line.post(UPLOAD, _batch(mpid, request_id, name), BROWSER)


def _names(line: Line, mpid: str) -> list[str]:
    credentials = b64encode(b"reader:reader-secret").decode()
    line.send(
        f"GET /v1/operator/profiles/{mpid}/events?page_size=1000 HTTP/1.1\r\nhost: localhost\r\n"
        f"authorization: Basic {credentials}\r\n\r\n".encode()
    )
    answer = line.answer()
    assert answer.status == 200, answer.body
    events: list[dict[str, Any]] = answer.json["events"]
    return [event["name"] for event in events]


def test_an_event_can_be_read_as_soon_as_it_is_acknowledged(service: HttpProcess) -> None:
    """Within a second on an idle service; whichever process took it, and whichever is asked."""
    lines = [service.line() for _ in range(4)]
    mpid = _mpid(lines[0])

    for number in range(8):
        assert _upload(lines[number % 4], mpid, f"seen-{number}", f"seen-{number}").status == 202
        begun_s = time.monotonic()
        assert f"seen-{number}" in _names(lines[(number + 1) % 4], mpid)
        assert time.monotonic() - begun_s < 1


def test_a_batch_that_is_sent_on_many_connections_counts_once(service: HttpProcess) -> None:
    """A browser repeats what a dying connection did not answer, and both may arrive."""
    mpid = _mpid(service.line())
    lines = [service.line() for _ in range(12)]

    with ThreadPoolExecutor(len(lines)) as pool:
        answers = list(pool.map(lambda line: _upload(line, mpid, "twice", "once"), lines))

    assert {answer.status for answer in answers} == {202}
    assert _names(service.line(), mpid).count("once") == 1


def test_half_a_body_is_no_event(service: HttpProcess) -> None:
    """The page or its connection went away: what was not sent in full is not kept, and nobody suffers."""
    line = service.line()
    mpid = _mpid(line)
    body = _batch(mpid, "half", "half")
    quitter = service.line()
    quitter.send(head(UPLOAD, {**BROWSER, "content-length": str(len(body))}) + body[: len(body) // 2])
    quitter.socket.shutdown(socket.SHUT_WR)
    quitter.socket.settimeout(60)
    while quitter.socket.recv(4_096):
        pass

    cut = line.post(UPLOAD, body[: len(body) // 2], BROWSER)
    whole = line.post(UPLOAD, body, BROWSER)

    assert [cut.status, whole.status] == [400, 202]
    assert _names(line, mpid).count("half") == 1


def test_ten_megabytes_are_not_asked_for_again(service: HttpProcess) -> None:
    """Nobody takes them in, and the page is told that it is done with them."""
    line = service.line()

    large = line.post(UPLOAD, b"x" * 10_000_000, BROWSER)
    mpid = _mpid(line)

    assert large.status == 202
    assert _upload(line, mpid, "after", "after").status == 202


def test_a_token_in_an_address_is_refused_and_not_logged(service: HttpProcess) -> None:
    line = service.line()
    answer = line.get("/v1/operator/profiles/1/events?token=op-token")

    assert answer.status == 400
    assert "op-token" not in service.log.read_text()


@pytest.mark.parametrize("processes", ["1", "2"])
def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path, processes: str) -> None:
    """And what comes again after the restart is known."""
    flags = ("--processes", processes)
    with http_process(tmp_path, READABLE, *flags) as service:
        line = service.line()
        mpid = _mpid(line)
        acknowledged = [n for n in range(20) if _upload(line, mpid, f"r{n}", f"e{n}").status == 202]
        service.process.kill()
        service.process.wait()
    with http_process(tmp_path, READABLE, *flags) as service:
        line = service.line()
        again = _upload(line, mpid, "r0", "e0")
        names = _names(line, mpid)
        assert service.stop() == 0

    assert len(acknowledged) == 20
    assert again.status == 202
    assert sorted(names) == sorted(f"e{n}" for n in range(20))


@pytest.mark.postgres
@pytest.mark.parametrize("processes", ["1", "2"])
def test_nodes_on_one_database_see_the_same_events(
    tmp_path: Path, new_postgres: Callable[[], str], processes: str
) -> None:
    """What one has acknowledged the other shows, and knows when it comes again."""
    url = new_postgres()
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    flags = ("--processes", processes, "--database", url)
    with (
        http_process(folders[0], READABLE, *flags) as one,
        http_process(folders[1], READABLE, *flags) as other,
    ):
        mpid = _mpid(one.line())
        answers = [_upload(service.line(), mpid, "r", "once").status for service in (one, other)]
        names = [_names(service.line(), mpid) for service in (one, other)]

        assert [one.stop(), other.stop()] == [0, 0]

    assert answers == [202, 202]
    assert names == [["once"], ["once"]]


def test_a_foreign_file_of_events_is_refused_at_the_start(tmp_path: Path) -> None:
    """Rather than served without events."""
    (tmp_path / "events.db").write_bytes(b"this is no database at all" * 100)

    with (
        pytest.raises(AssertionError, match="the file of the events cannot be used"),
        http_process(tmp_path, READABLE),
    ):
        pass
