"""What pages upload (http-wire 6): 202 for all that is JSON, and nothing lost or doubled in silence."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import httpx2
import pytest

from tests.unit.gateway.calls import identify
from tests.unit.gateway.events.uploads import batch, causes, custom_event, events_of, names_of, upload

RECORDED = {
    "source_request_id": "7d543f70-df49-4ba8-81b5-e36aada85afa",
    "timestamp_unixtime_ms": 1795296052688,
    "environment": "production",
    "events": [
        {
            "event_type": "custom_event",
            "data": {
                "custom_event_type": "other",
                "custom_flags": {},
                "event_name": "browse",
                "timestamp_unixtime_ms": 1795296052675,
                "session_uuid": "85231FBC-3A5C-4CE2-425F-5163A33FA3C3",
                "session_start_unixtime_ms": 1795296052434,
                "custom_attributes": {"page": "hats"},
                "location": None,
                "source_message_id": "98e0a0ec-7d56-4d0b-799e-42b9ccef2eab",
                "active_time_on_site_ms": 246,
            },
        }
    ],
    "mp_deviceid": "f17bbac8-7a5e-4cec-0fe0-a70b6134b3cd",
    "sdk_version": "2.68.0",
    "application_info": {},
    "device_info": {"platform": "web", "screen_width": 1280, "screen_height": 720},
    "user_attributes": {"tier": "gold", "likes": ["hats", "shoes"], "vip": None},
    "user_identities": {"customer_id": "c-1"},
    "consent_state": None,
    "integration_attributes": {},
}


@pytest.mark.parametrize("prefix", ["", "/webevents"])
async def test_a_recorded_batch(http: httpx2.AsyncClient, prefix: str) -> None:
    """ID-200: it belongs to its MPID, and its identities redirect nothing."""
    other = await identify(http, customerid="c-1")
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]

    response = await upload(http, {**RECORDED, "mpid": mpid}, f"{prefix}/v3/JS/us1-web/events")

    assert (response.status_code, response.content) == (202, b"")
    assert response.headers["access-control-allow-origin"] == "*"
    assert await events_of(http, mpid) == [
        {"name": "browse", "type": "custom_event", "timestamp_unixtime_ms": 1795296052675, "mpid": mpid}
    ]
    assert await events_of(http, other["mpid"]) == []


async def test_a_batch_that_comes_again_counts_once(http: httpx2.AsyncClient) -> None:
    """http-wire 11.9: a connection that died before the answer makes the browser repeat it."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    body = {**RECORDED, "mpid": mpid}

    answers = [(await upload(http, body)).status_code for _ in range(3)]

    assert answers == [202, 202, 202]
    assert await names_of(http, mpid) == ["browse"]


async def test_a_message_that_comes_again_in_another_batch_counts_once(http: httpx2.AsyncClient) -> None:
    """EV-022: by its own id and type, since a session begins and ends under one id."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    start = {"event_type": "session_start", "data": {"source_message_id": "s"}}
    end = {"event_type": "session_end", "data": {"source_message_id": "s"}}

    await upload(http, batch(mpid, start, end, source_request_id="r1"))
    await upload(http, batch(mpid, start, source_request_id="r2"))

    assert [event["type"] for event in await events_of(http, mpid)] == ["session_end", "session_start"]


async def test_events_without_ids_are_all_kept(http: httpx2.AsyncClient) -> None:
    """2.11.15 gives events no ids: only the batch tells whether it came before."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]

    await upload(http, batch(mpid, custom_event("a"), custom_event("a"), source_request_id="r1"))
    await upload(http, batch(mpid, custom_event("a"), source_request_id="r2"))

    assert await names_of(http, mpid) == ["a", "a", "a"]


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (batch("4503599627370497123", custom_event("a")), "unknown_mpid"),
        (batch("0", custom_event("a")), "no_identity"),
        (batch("1e3", custom_event("a")), "bad_mpid"),
        (batch("1", custom_event("a"), environment="staging"), "bad_environment"),
        (batch("1", events={"a": 1}), "bad_events"),
        ([batch("1")], "not_an_object"),
        ("text", "not_an_object"),
        (batch(None, user_identities={"email": "e" * 257}), "invalid_identity"),
        (batch(None, user_identities={"customer_id": "a", "customerid": "b"}), "invalid_identity"),
        (batch(None, user_identities={"customer_id": 12345}, mp_deviceid="d"), "invalid_identity"),
        (batch("1", pad="x" * 140_000), "too_large"),
        (b"x" * 300_000, "too_large"),
        (b"[" * 5_000 + b"]" * 5_000, "too_deep"),
    ],
)
async def test_what_cannot_be_used_is_accepted_dropped_and_shown(
    http: httpx2.AsyncClient, body: object, cause: str
) -> None:
    """http-wire 6: 400 would bring it back for ever."""
    response = await upload(http, body)

    assert response.status_code == 202
    assert await causes(http) == [cause]
    shown = (await http.get("/metrics")).text
    assert f'idsync_event_batches_total{{channel="javascript",outcome="{cause}"}} 1.0' in shown


async def test_a_gzip_bomb_is_dropped_and_shown(http: httpx2.AsyncClient) -> None:
    """It unfolds no further than the limit, and is refused like any body that is too large."""
    bomb = gzip.compress(b"\x20" * 50_000_000)

    response = await upload(http, bomb, **{"content-encoding": "gzip"})

    assert response.status_code == 202
    assert await causes(http) == ["too_large"]


async def test_beside_an_mpid_identities_decide_nothing(http: httpx2.AsyncClient) -> None:
    """ID-200: so that nothing can be wrong with them."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    unsound = {"customer_id": "a", "customerid": "b", "email": 5}

    await upload(http, batch(mpid, custom_event("a"), user_identities=unsound))

    assert await names_of(http, mpid) == ["a"]


async def test_blank_identities_count_as_not_sent(http: httpx2.AsyncClient) -> None:
    """ID-024."""
    blank = {"customer_id": " ", "customerid": "c-1", "email": None}

    await upload(http, batch(None, custom_event("a"), user_identities=blank))

    assert await names_of(http, (await identify(http, customerid="c-1"))["mpid"]) == ["a"]


async def test_numbers_without_end_are_json(http: httpx2.AsyncClient) -> None:
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    body = json.dumps(batch(mpid, custom_event("a"), n=0)).replace('"n": 0', f'"n": {"9" * 5_000}')

    response = await upload(http, body.encode())

    assert response.status_code == 202
    assert await names_of(http, mpid) == ["a"]


@pytest.mark.parametrize(
    "body", [b"", b"{", json.dumps(RECORDED).encode()[:-20], b"a=1&b=2", b"\xff\xfe", b"NaN"]
)
async def test_what_is_no_json_is_refused(http: httpx2.AsyncClient, body: bytes) -> None:
    """A half body is worth sending again: the next time it may be whole."""
    response = await upload(http, body)

    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "BAD_REQUEST"
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain;charset=utf-8", "multipart/form-data", "image/png", "x"]
)
async def test_the_content_type_does_not_matter(http: httpx2.AsyncClient, content_type: str) -> None:
    """http-wire 11.5."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]

    response = await upload(http, batch(mpid, custom_event("a")), **{"content-type": content_type})

    assert response.status_code == 202
    assert await names_of(http, mpid) == ["a"]


async def test_half_a_character_is_kept(http: httpx2.AsyncClient) -> None:
    """A script that cuts a text in the middle of an emoji sends JSON all the same."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    body = json.dumps(batch(mpid, custom_event("cut \ud83d"))).encode()

    response = await upload(http, body)

    assert response.status_code == 202
    assert await names_of(http, mpid) == ["cut ?"]


async def test_events_that_nobody_can_read_are_left_out_and_counted(http: httpx2.AsyncClient) -> None:
    """The others of the batch are kept."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]

    await upload(http, batch(mpid, None, {"data": {}}, custom_event("a"), {"event_type": 5}))

    assert await names_of(http, mpid) == ["a"]
    shown = (await http.get("/metrics")).text
    assert 'idsync_events_dropped_total{channel="javascript"} 3.0' in shown


async def test_the_environment_of_a_batch_decides_which_profile_it_can_mean(http: httpx2.AsyncClient) -> None:
    """ID-004: an MPID of one environment does not exist in the other."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]

    await upload(http, batch(mpid, custom_event("a"), environment="development"))

    assert await names_of(http, mpid) == []
    assert await causes(http) == ["unknown_mpid"]


async def test_a_batch_without_mpid_is_resolved(http: httpx2.AsyncClient) -> None:
    """ID-201: by its identities and the device's stamp."""
    await upload(http, batch(None, custom_event("a"), mp_deviceid="stamp-1"))

    mpid = (await identify(http, device_application_stamp="stamp-1"))["mpid"]
    assert await names_of(http, mpid) == ["a"]


@pytest.mark.parametrize("key", ["nobody", "us1-server"])
async def test_a_key_that_may_not_send_alone_is_refused(http: httpx2.AsyncClient, key: str) -> None:
    """ID-226: pages drop what is answered 401."""
    good = await upload(http, batch("1", custom_event("a")), f"/v3/JS/{key}/events")
    bad = await upload(http, "text", f"/v3/JS/{key}/events")

    assert [good.status_code, bad.status_code] == [401, 401]
    assert await causes(http) == []


@pytest.mark.parametrize("path", ["/v1/JS/us1-web/Forwarding", "/webevents/v2/JS/us1-web/Forwarding"])
async def test_statistics_are_accepted(http: httpx2.AsyncClient, path: str) -> None:
    """http-wire 10."""
    accepted = await upload(http, b"whatever", path)
    refused = await upload(http, b"whatever", path.replace("us1-web", "nobody"))

    assert [accepted.status_code, refused.status_code] == [202, 401]


async def test_an_old_page_sends_single_events(http: httpx2.AsyncClient) -> None:
    """http-wire 6, last part; the same bytes again are the same event again."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    event = {"dt": 4, "n": "browse", "et": 8, "mpid": mpid, "ct": 1795296052675, "dbg": False, "sid": "S"}

    answers = [(await upload(http, event, "/v2/JS/us1-web/Events")).status_code for _ in range(2)]
    await upload(http, {**event, "dt": 3, "ct": 1795296052676, "n": 7}, "/v2/JS/us1-web/Events")

    assert answers == [202, 202]
    assert [(event["type"], event["name"]) for event in await events_of(http, mpid)] == [
        ("screen_view", "7"),
        ("custom_event", "browse"),
    ]


async def test_what_cannot_be_kept_now_is_asked_for_again(http: httpx2.AsyncClient, tmp_path: Path) -> None:
    """Nothing is acknowledged that is not on disk: 503 brings it back, once there is a place for it again."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    blocker = sqlite3.connect(tmp_path / "events.db")
    blocker.execute("ALTER TABLE event RENAME TO away")

    refused = await upload(http, batch(mpid, custom_event("a"), source_request_id="r"))
    blocker.execute("ALTER TABLE away RENAME TO event")
    blocker.close()
    again = await upload(http, batch(mpid, custom_event("a"), source_request_id="r"))

    assert [refused.status_code, again.status_code] == [503, 202]
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["access-control-allow-origin"] == "*"
    assert await names_of(http, mpid) == ["a"]
