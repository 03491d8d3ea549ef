"""What servers upload (http-wire 7): they are told what is wrong, and who they are not."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import httpx2
import pytest

from idsync.testing.clock import ManualClock
from tests.unit.gateway.calls import SERVER, basic, identify
from tests.unit.gateway.events.uploads import (
    batch,
    causes,
    custom_event,
    events_of,
    names_of,
    upload_as_server,
)

RECORDED = {
    "environment": "production",
    "user_identities": {"customerid": "c-1", "email": "u1@example.com"},
    "events": [
        {"data": {"custom_event_type": "navigation", "event_name": "hello"}, "event_type": "custom_event"}
    ],
    "user_attributes": {"plan": "gold", "n": 3},
    "source_request_id": "40e8652a-be44-41a0-a37d-c726700a5279",
    "device_info": {"ios_idfv": "5673723c-3c8f-45ae-9821-84b348ebf00b"},
}
HOUR_MS = 3_600_000


@pytest.mark.parametrize("spelling", ["customerid", "customer_id"])
async def test_a_recorded_batch(http: httpx2.AsyncClient, clock: ManualClock, spelling: str) -> None:
    """ID-201: who it is about is found, or made, by all its identities, in either spelling."""
    body = {**RECORDED, "user_identities": {spelling: "c-1", "email": "u1@example.com"}}

    answers = [(await upload_as_server(http, body)).status_code for _ in range(2)]

    assert answers == [202, 202]
    found = await identify(http, customerid="c-1", ios_idfv="5673723c-3c8f-45ae-9821-84b348ebf00b")
    assert set(found["matched_identities"]) == {"customerid", "ios_idfv"}
    assert await events_of(http, found["mpid"]) == [
        {
            "name": "hello",
            "type": "custom_event",
            "timestamp_unixtime_ms": clock.now_ms,
            "mpid": found["mpid"],
        }
    ]


@pytest.mark.parametrize(
    ("names", "stored"),
    [
        ({"user_identities": {"other_id_2": "x"}}, "other2"),
        ({"user_identities": {"facebook_custom_audience_id": "x"}}, "facebookcustomaudienceid"),
        ({"device_info": {"roku_advertising_id": "x"}}, "roku_aid"),
        ({"mp_deviceid": "x"}, "device_application_stamp"),
    ],
)
async def test_other_spellings(http: httpx2.AsyncClient, names: dict[str, object], stored: str) -> None:
    """ID-020: what the priority has not is accepted, and finds nobody (ID-026)."""
    answer = await upload_as_server(http, {"events": [custom_event("a")], **names})

    assert answer.status_code == 202
    found = await identify(http, **{stored: "x"})
    if stored in {"roku_aid", "device_application_stamp"}:
        assert await names_of(http, found["mpid"]) == ["a"]


@pytest.mark.parametrize("number", [False, True])
async def test_an_mpid_is_read_exactly(http: httpx2.AsyncClient, number: bool) -> None:
    """http-wire 7.1: as text or as an integer of 64 bits, never through a double."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]

    answer = await upload_as_server(http, batch(int(mpid) if number else mpid, custom_event("a")))

    assert answer.status_code == 202
    assert await names_of(http, mpid) == ["a"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": ""}, 401),
        ({"x-mp-key": "us1-web"}, 401),
        (basic("us1-server", "wrong"), 403),
        (basic("nobody", "server-secret"), 403),
        ({"authorization": "Bearer op-token"}, 403),
        ({"authorization": "Basic %%%"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/v2/events", "/v2/bulkevents", "/v2/bulkevents/historical"])
async def test_missing_and_wrong_credentials(
    http: httpx2.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    """EV-004; whatever the body is."""
    answers = [await upload_as_server(http, body, path, headers) for body in (RECORDED, [RECORDED], b"{")]

    assert {answer.status_code for answer in answers} == {status}
    assert await causes(http) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is not JSON"),
        (b"[]", "a batch must be a JSON object"),
        (batch(None, {"data": {}}), 'Required event field "event_type" is missing or empty.'),
        (
            batch(None, {"event_type": "", "data": {}}),
            'Required event field "event_type" is missing or empty.',
        ),
        (batch(77, custom_event("a")), "mpid names no profile of this environment"),
        (batch(1.5, custom_event("a")), "mpid must be a signed 64-bit integer"),
        (batch(2**63, custom_event("a")), "mpid must be a signed 64-bit integer"),
        (batch(None, custom_event("a")), "the batch has neither an mpid nor an identity"),
        (batch(None, user_identities={"customerid": 5}, mp_deviceid="d"), "customerid must be a text"),
        (batch(None, environment="x"), "environment must be production or development"),
        (batch(None, pad="x" * 140_000), "the batch has more than 131072 bytes"),
        (b"x" * 300_000, "the body has more than 262144 bytes"),
    ],
)
async def test_what_is_wrong_is_said(http: httpx2.AsyncClient, body: object, message: str) -> None:
    """EV-012, ID-200, ID-202: servers do not send it again, and nobody is made by it."""
    answer = await upload_as_server(http, body)

    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"code": "BAD_REQUEST", "message": message}]}


async def test_a_gzip_bomb(http: httpx2.AsyncClient) -> None:
    answer = await upload_as_server(
        http, gzip.compress(b" " * 50_000_000), headers={**SERVER, "content-encoding": "gzip"}
    )

    assert answer.status_code == 400


async def test_an_upload_of_many_is_accepted_if_any_is_good(http: httpx2.AsyncClient) -> None:
    """EV-015: what is bad is dropped and shown."""
    good = {"user_identities": {"customer_id": "c-1"}, "events": [custom_event("a")]}
    bad: dict[str, object] = {"events": [{"data": {}}]}

    mixed = await upload_as_server(http, [good, bad, {**good, "mpid": 77}], "/v2/bulkevents")
    worse = await upload_as_server(http, [bad], "/v2/bulkevents")
    none = await upload_as_server(http, [], "/v2/bulkevents")

    assert [mixed.status_code, worse.status_code, none.status_code] == [202, 400, 202]
    assert await names_of(http, (await identify(http, customerid="c-1"))["mpid"]) == ["a"]
    assert await causes(http) == ["no_event_type", "unknown_mpid", "no_event_type"]


async def test_of_many_one_that_is_nested_too_deeply_is_dropped(http: httpx2.AsyncClient) -> None:
    """EV-015."""
    good = {"user_identities": {"customer_id": "c-1"}, "events": [custom_event("a")]}
    deep = json.dumps({"events": [], "x": 0}).replace("0", "[" * 980 + "]" * 980)
    body = f"[{json.dumps(good)}, {deep}]".encode()

    answer = await upload_as_server(http, body, "/v2/bulkevents")

    assert answer.status_code == 202
    assert await names_of(http, (await identify(http, customerid="c-1"))["mpid"]) == ["a"]
    assert len(await causes(http)) == 1


async def test_of_many_each_is_as_long_as_it_was_written(http: httpx2.AsyncClient) -> None:
    """EV-010: that half a character comes along makes the others no longer."""
    body = json.dumps(
        [{"mp_deviceid": "d", "events": [custom_event("a")], "pad": "\u0436" * 50_000, "half": "\ud800"}],
        ensure_ascii=False,
    ).encode("utf-8", "backslashreplace")

    answer = await upload_as_server(http, body, "/v2/bulkevents")

    assert (answer.status_code, await causes(http)) == (202, [])


async def test_what_is_refused_counts_once_with_what_is_kept(
    http: httpx2.AsyncClient, tmp_path: Path
) -> None:
    """docs/http.md: of what is answered 503 nothing was kept."""
    good = {"user_identities": {"customer_id": "c-1"}, "events": [custom_event("a")]}
    blocker = sqlite3.connect(tmp_path / "events.db")
    blocker.execute("ALTER TABLE refused RENAME TO away")

    answers = [await upload_as_server(http, [good, {"events": []}], "/v2/bulkevents") for _ in range(2)]
    blocker.execute("ALTER TABLE away RENAME TO refused")
    blocker.close()
    again = await upload_as_server(http, [good, {"events": []}], "/v2/bulkevents")

    assert [each.status_code for each in (*answers, again)] == [503, 503, 202]
    assert await names_of(http, (await identify(http, customerid="c-1"))["mpid"]) == ["a"]
    assert await causes(http) == ["no_identity"]


@pytest.mark.parametrize("body", [{}, [[]], [None], [batch(1)] * 101, b"5"])
async def test_an_upload_of_many_must_be_an_array_of_batches(http: httpx2.AsyncClient, body: object) -> None:
    """EV-010, EV-015."""
    answer = await upload_as_server(http, body, "/v2/bulkevents")

    assert answer.status_code == 400


async def test_the_historical_upload_takes_what_is_old(http: httpx2.AsyncClient, clock: ManualClock) -> None:
    """EV-016: 72 hours, a time for each event, and at least one event."""
    who = {"user_identities": {"customer_id": "c-1"}}
    old = custom_event("old", clock.now_ms - 72 * HOUR_MS)
    young = custom_event("young", clock.now_ms - 72 * HOUR_MS + 1)
    batches = [{**who, "events": events} for events in ([old], [old, young], [custom_event("?", None)], [])]

    answer = await upload_as_server(http, batches, "/v2/bulkevents/historical")

    assert answer.status_code == 202
    assert await names_of(http, (await identify(http, customerid="c-1"))["mpid"]) == ["old"]
    assert await causes(http) == ["not_historical"] * 3
