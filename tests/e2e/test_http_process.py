"""The gateway as part of `idsync serve`: its start, its end, and what survives both."""

from __future__ import annotations

import json
import signal
import socket
import ssl
from pathlib import Path

import trustme

from tests.e2e.http_process import CONFIGURATION, WEB, Line, head, http_process

BODY = b'{"environment":"production","known_identities":{"customerid":"c-1"}}'
LIMITED = "\n[limits]\nmax_age_s = 60\nrequests_per_second_total = 1\n"


def test_an_answer_outlives_the_process(tmp_path: Path) -> None:
    """Acknowledged means durable."""
    with http_process(tmp_path) as service:
        before = service.line().post("/v1/identify", BODY).json
        assert service.stop() == 0
    with http_process(tmp_path) as service:
        after = service.line().post("/v1/identify", BODY).json

    assert after["mpid"] == before["mpid"]
    assert after["matched_identities"] == {"customerid": "c-1"}


def test_probes_and_metrics(tmp_path: Path) -> None:
    """What tools ask of a fresh service."""
    with http_process(tmp_path) as service:
        line = service.line()
        answers = {path: line.get(path) for path in ("/healthz", "/readyz", "/metrics")}

    assert {answer.status for answer in answers.values()} == {200}
    assert b"idsync_http_requests_total" in answers["/metrics"].body
    assert b"grpc_server_handled_total" in answers["/metrics"].body


def test_a_request_under_way_is_answered_at_the_end(tmp_path: Path) -> None:
    """SIGTERM: nobody new comes in, nobody who is in gets lost, and idle connections hold nothing up."""
    with http_process(tmp_path) as service:
        idle, slow = service.line(), service.line()
        assert idle.get("/healthz").status == 200
        slow.send(head("/v1/identify", {**WEB, "content-length": str(len(BODY))}) + BODY[:10])
        service.process.send_signal(signal.SIGTERM)
        for _ in range(100_000):
            try:
                socket.create_connection(("127.0.0.1", service.port)).close()
            except OSError:
                break
        slow.send(BODY[10:])
        answer = slow.answer()
        code = service.process.wait(60)

    assert answer.status == 200
    assert code == 0


def test_limits_come_from_the_configuration(tmp_path: Path) -> None:
    """ID-175, ID-234: the age of an answer, and when it is too much."""
    with http_process(tmp_path, CONFIGURATION + LIMITED) as service:
        line = service.line()
        first = line.post("/v1/identify", BODY)
        # The window is of real time: on a busy machine it may pass between two calls.
        for _ in range(1_000):
            refused = line.post("/v1/identify", BODY)
            if refused.status == 429:
                break

    assert first.headers["x-mp-max-age"] == "60"
    assert first.headers["x-mp-rate-limit-percentage-used"] == "100"
    assert refused.status == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["x-mp-rate-limit-exceeded"] == "org"
    assert json.loads(refused.body)["ErrorCode"] == "TOO_MANY_REQUESTS"


def test_over_tls(tmp_path: Path) -> None:
    """Published clients know nothing but https for most of their calls."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "chain.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    tls = '\n[tls]\ncertificate_file = "chain.pem"\nkey_file = "key.pem"\n'
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    with http_process(tmp_path, CONFIGURATION + tls) as service:
        line = service.line()
        line.socket = trust.wrap_socket(line.socket, server_hostname="localhost")
        answer = line.post("/v1/identify", BODY)
        plain = Line(service.port)
        plain.send(head("/v1/identify", WEB))
        refused = plain.socket.recv(1_000)
        plain.close()

    assert answer.status == 200
    assert not refused.startswith(b"HTTP/1.1 200")
