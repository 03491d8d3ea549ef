"""HTTP calls that say again what was said, each with its own id: answered and counted like the first."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from tests.unit.gateway.calls import ORIGIN, SERVER, WEB, code, post, signed
from tests.unit.gateway.conftest import CONFIGURATION, browse, configuration

IDENTIFY = "/v1/identify"
SAID: dict[str, Any] = {
    "client_sdk": {"platform": "web", "sdk_vendor": "mparticle", "sdk_version": "2.68.0"},
    "context": None,
    "environment": "production",
    "previous_mpid": None,
    "known_identities": {"ios_idfv": "d1", "email": "a@example.com"},
}


def said(number: int, **members: Any) -> bytes:
    """Say the same again, with the id and the time that clients give each request."""
    own = {"request_id": f"351d6acf-{number:04}", "request_timestamp_ms": 1795295999404 + number}
    return json.dumps({**SAID, **own, **members}).encode()


@pytest.fixture
async def service(clock: ManualClock, tmp_path: Path) -> AsyncIterator[App]:
    """A service whose store answers at once, so that answers are remembered."""
    async with open_app(configuration(), f"sqlite:///{tmp_path}/g.db", "127.0.0.1:0", clock=clock) as app:
        yield app


@pytest.fixture
async def known(http: httpx2.AsyncClient) -> httpx2.Response:
    """An answer that stands: the first call created, the second changed nothing."""
    await post(http, IDENTIFY, said(0))
    return await post(http, IDENTIFY, said(1))


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every call fail that has to be read."""
    monkeypatch.setattr("idsync.server.services.identity_service.resolve_from_wire", None)


def counted(app: App, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for metric in app.registry.collect()
        for sample in metric.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def test_the_same_answer_whatever_its_id(
    http: httpx2.AsyncClient, known: httpx2.Response, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ID-229, ID-235: nothing but the trace id tells it from the answer before; it is not even read."""
    unread(monkeypatch)
    again = await post(http, IDENTIFY, said(2))
    to_page = await post(http, IDENTIFY, said(3), {**WEB, **ORIGIN})

    assert again.status_code == to_page.status_code == 200
    assert again.content == to_page.content == known.content
    assert again.headers["x-mp-max-age"] == "3600"
    assert again.headers["content-type"] == "application/json"
    assert len({answer.headers["x-mp-trace-id"] for answer in (known, again, to_page)}) == 3
    assert to_page.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("call", ["identify", "login", "search"])
@pytest.mark.parametrize("query", ["", "?return_matches=false", "?read_only=true"])
async def test_every_call_and_flag(
    http: httpx2.AsyncClient, call: str, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ID-088, ID-089: each has a form of its own."""
    await post(http, "/v1/login", said(0))
    first, second = [await post(http, f"/v1/{call}{query}", said(number)) for number in (1, 2)]
    unread(monkeypatch)
    third = await post(http, f"/v1/{call}{query}", said(3))

    assert [first.status_code, second.status_code, third.status_code] == [200, 200, 200]
    assert third.content == second.content
    assert ("matched_identities" in third.json()) == (query != "?return_matches=false")


async def test_a_question_is_no_statement(http: httpx2.AsyncClient) -> None:
    """ID-088: what was asked read-only, and answered without a change, is still to be written."""
    await post(http, IDENTIFY, said(0, known_identities={"ios_idfv": "d1"}))
    for number in range(1, 4):
        asked = await post(http, f"{IDENTIFY}?read_only=true", said(number))
    stated = await post(http, IDENTIFY, said(4))
    found = await post(http, "/v1/search", said(5, known_identities={"email": "a@example.com"}))

    assert asked.status_code == 200
    assert found.json()["mpid"] == stated.json()["mpid"]


@pytest.mark.usefixtures("known")
async def test_what_creates_is_never_recalled(http: httpx2.AsyncClient) -> None:
    """ID-083: with this strategy each logout begins a new anonymous profile."""
    answers = [await post(http, "/v1/logout", said(number)) for number in range(2, 5)]

    assert len({answer.json()["mpid"] for answer in answers}) == 3


async def test_a_signed_call_is_checked_each_time(
    http: httpx2.AsyncClient, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ID-224: that the answer is known opens no door."""
    key = {"x-mp-key": "us1-server"}
    for number in range(2):
        body = said(number)
        await post(http, IDENTIFY, body, {**key, **signed(clock, IDENTIFY, body)})
    unread(monkeypatch)
    body = said(2)
    right = await post(http, IDENTIFY, body, {**key, **signed(clock, IDENTIFY, body)})
    wrong = await post(http, IDENTIFY, body, {**key, **signed(clock, IDENTIFY, body, secret="other")})
    of_another = await post(http, IDENTIFY, body, {**key, **signed(clock, IDENTIFY, said(3))})
    with_wrong_basic = await post(
        http,
        IDENTIFY,
        body,
        {**signed(clock, IDENTIFY, body), "authorization": "Basic dXMxLXNlcnZlcjp4"},
    )

    answers = (right, wrong, of_another, with_wrong_basic)
    assert [answer.status_code for answer in answers] == [200, 401, 401, 401]


@pytest.mark.usefixtures("known")
async def test_who_may_not_call_is_refused(http: httpx2.AsyncClient) -> None:
    """ID-222, ID-223."""
    refused = [
        await post(http, IDENTIFY, said(2), {}),
        await post(http, IDENTIFY, said(2), {"x-mp-key": "nobody"}),
        await post(http, IDENTIFY, said(2), {"x-mp-key": "us1-server"}),
        await post(http, IDENTIFY, said(2), {**WEB, **SERVER}),
    ]

    assert [answer.status_code for answer in refused] == [401] * 4


async def test_it_is_counted_like_any_other(service: App, http: httpx2.AsyncClient) -> None:
    for number in range(5):
        await post(http, IDENTIFY, said(number))

    assert counted(service, "idsync_outcomes_total", outcome="found") == 4
    assert counted(service, "grpc_server_handled_total", grpc_method="Identify", grpc_code="OK") == 5
    assert counted(service, "grpc_server_handling_seconds_count", grpc_method="Identify") == 5
    assert counted(service, "idsync_http_requests_total", route=IDENTIFY, status="200") == 5


async def test_a_change_is_seen_at_once(http: httpx2.AsyncClient, known: httpx2.Response) -> None:
    mpid = known.json()["mpid"]
    changes = [{"identity_type": "email", "old_value": "a@example.com", "new_value": None}]
    changed = await post(http, f"/v1/{mpid}/modify", said(2, identity_changes=changes))
    after = await post(http, IDENTIFY, said(3))

    assert changed.status_code == 200
    assert known.json()["matched_identities"] == SAID["known_identities"]
    assert after.json()["matched_identities"] != SAID["known_identities"]


async def test_the_same_words_of_others_are_theirs(http: httpx2.AsyncClient, known: httpx2.Response) -> None:
    """ID-002, ID-004: another workspace, another environment, another call."""
    apart = await post(http, IDENTIFY, said(2), {"x-mp-key": "us1-apart"})
    development = await post(http, IDENTIFY, said(3, environment="development"))
    searched = await post(http, "/v1/search", said(4))

    assert len({answer.json()["mpid"] for answer in (known, apart, development)}) == 3
    assert searched.json()["mpid"] == known.json()["mpid"]


@pytest.mark.parametrize(
    ("body", "refused_as"),
    [
        (said(2, request_id="r" * 257), "VALIDATION_ERROR"),
        (said(2).replace(b'"email"', b'"ios_idfv": "d0", "email"'), "VALIDATION_ERROR"),
        (said(2).replace(b'"email"', b'"\\u0069os_idfv": "d0", "email"'), "VALIDATION_ERROR"),
        (said(2, previous_mpid=True), "VALIDATION_ERROR"),
        (said(2, environment=["production"]), "VALIDATION_ERROR"),
        (said(2)[:-1], "BAD_REQUEST"),
        (b"[" + said(2) + b"]", "BAD_REQUEST"),
        (said(2).replace(b"351d", b"\xff51d"), "BAD_REQUEST"),
        (said(2, context="\ud800"), "VALIDATION_ERROR"),
    ],
)
@pytest.mark.usefixtures("known")
async def test_what_is_unsound_stays_so(http: httpx2.AsyncClient, body: bytes, refused_as: str) -> None:
    """ID-233: however close it comes to what was answered before."""
    refused = await post(http, IDENTIFY, body)

    assert refused.status_code == 400
    assert code(refused) == refused_as


@pytest.mark.parametrize("one", [1, "1"])
async def test_values_that_compare_alike_are_told_apart(http: httpx2.AsyncClient, one: object) -> None:
    """ID-007: one is an MPID, true is none."""
    for number in range(3):
        assert (await post(http, IDENTIFY, said(number, previous_mpid=one))).status_code == 200

    assert (await post(http, IDENTIFY, said(3, previous_mpid=True))).status_code == 400
    assert (await post(http, IDENTIFY, said(4, previous_mpid=1.0))).status_code == 400


async def test_deep_nonsense_is_no_obstacle(http: httpx2.AsyncClient) -> None:
    """More can be read than written: members that nobody reads may be nested as deeply as the parser goes."""
    deep = said(0).replace(b'"context": null', b'"context": ' + b"[" * 300 + b"]" * 300)
    answers = [await post(http, IDENTIFY, deep) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3


@asynccontextmanager
async def _limited(
    limit: str, clock: ManualClock, folder: Path
) -> AsyncIterator[tuple[App, httpx2.AsyncClient]]:
    """Run a service with one limit."""
    limits = configuration(f"{CONFIGURATION}[limits]\n{limit}\n")
    async with (
        open_app(limits, f"sqlite:///{folder}/g.db", "127.0.0.1:0", clock=clock) as service,
        browse(service.local_transport, service.registry) as http,
    ):
        yield service, http


async def test_limits_count_it(clock: ManualClock, tmp_path: Path) -> None:
    """ID-234, ID-240: once each, in the headers and in the refusal; whoever is refused gets no answer."""
    async with _limited("requests_per_second_per_key = 1000", clock, tmp_path) as (_, http):
        answers = [await post(http, IDENTIFY, said(number)) for number in range(21)]
    used = [int(answer.headers["x-mp-rate-limit-percentage-used"]) for answer in answers]

    assert used[0] == 0
    # On a busy machine some may have left the window of one second.
    assert max(used) in {1, 2}


async def test_whoever_is_too_fast_is_refused(clock: ManualClock, tmp_path: Path) -> None:
    """ID-240."""
    async with _limited("acceleration_per_second_per_key = 3", clock, tmp_path) as (service, http):
        for number in range(200):
            response = await post(http, IDENTIFY, said(number))
            if response.status_code == 429:
                break
        answered = counted(service, "grpc_server_handled_total", grpc_method="Identify", grpc_code="OK")
        found = counted(service, "idsync_outcomes_total")

    assert code(response) == "TOO_MANY_REQUESTS"
    assert response.headers["retry-after"] == "1"
    assert answered == found == number


async def test_hot_identities_are_counted(clock: ManualClock, tmp_path: Path) -> None:
    """ID-240: where identities have a limit of their own, each call is read."""
    async with _limited("requests_per_second_per_identity = 3", clock, tmp_path) as (_, http):
        for number in range(200):
            response = await post(http, IDENTIFY, said(number))
            if response.status_code == 429:
                break

    assert response.headers["x-mp-rate-limit-exceeded"] == "system"
