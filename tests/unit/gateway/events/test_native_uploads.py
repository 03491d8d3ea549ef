"""What devices upload (http-wire 8): signed, often compressed, with a JSON object for an answer."""

from __future__ import annotations

import gzip
import json

import httpx2
import pytest

from idsync.testing.clock import ManualClock
from tests.unit.gateway.calls import identify, signed
from tests.unit.gateway.events.uploads import causes, events_of

PATH = "/v2/us1-android/events"


def body(mpid: object, **members: object) -> bytes:
    said = {
        "dt": "h",
        "id": "batch-1",
        "ct": 1795296052688,
        "sdk": "5.62.0",
        "mpid": mpid,
        "das": "ff5e9fd1-5b1b-4774-da77-5bad8fd7536b",
        "dbg": False,
        "ui": [{"n": 1, "i": "c-1", "dfs": 1795296052688, "f": True}],
        "msgs": [
            {"dt": "ss", "id": "m-1", "ct": 1795296052675},
            {"dt": "e", "n": "browse", "et": 8, "id": "m-2", "ct": 1795296052680, "attrs": {"a": "b"}},
            {"dt": "v", "n": "Hats", "id": "m-3", "ct": 1795296052681},
        ],
    }
    return json.dumps({**said, **members}).encode()


@pytest.mark.parametrize("prefix", ["", "/nativeevents"])
@pytest.mark.parametrize("number", [False, True])
async def test_a_signed_and_compressed_upload(
    http: httpx2.AsyncClient, clock: ManualClock, prefix: str, number: bool
) -> None:
    """The signature covers the text before gzip and the path without prefix; the answer is an object."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    text = body(int(mpid) if number else mpid)
    headers = {**signed(clock, PATH, text, secret="android-secret"), "content-encoding": "gzip"}

    answers = [await http.post(prefix + PATH, content=gzip.compress(text), headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    for answer in answers:
        assert {"dt": "rh", "id": "batch-1", "msgs": []}.items() <= answer.json().items()
        assert isinstance(answer.json()["ct"], int)
    assert [(event["type"], event["name"]) for event in await events_of(http, mpid)] == [
        ("screen_view", "Hats"),
        ("custom_event", "browse"),
        ("session_start", None),
    ]


@pytest.mark.parametrize("mpid", [None, "0", 0, ""])
async def test_an_upload_before_the_first_answer_is_resolved(
    http: httpx2.AsyncClient, clock: ManualClock, mpid: object
) -> None:
    """ID-201: identities come with numbers for their types."""
    text = body(mpid)

    answer = await http.post(PATH, content=text, headers=signed(clock, PATH, text, secret="android-secret"))

    assert answer.status_code == 202
    known = (await identify(http, customerid="c-1"))["mpid"]
    assert len(await events_of(http, known)) == 3


async def test_a_wrong_signature_is_refused(http: httpx2.AsyncClient, clock: ManualClock) -> None:
    """http-wire 11.6; a missing one too, where the key alone may not call."""
    text = body("1")
    wrong = await http.post(PATH, content=text, headers=signed(clock, PATH, text, secret="other"))
    missing = await http.post(PATH, content=text)

    assert [wrong.status_code, missing.status_code] == [401, 401]
    assert await causes(http) == []


@pytest.mark.parametrize(
    ("text", "cause"),
    [(body("77"), "unknown_mpid"), (b"[]", "not_an_object"), (body("x"), "bad_mpid")],
)
async def test_what_cannot_be_used_is_accepted_dropped_and_shown(
    http: httpx2.AsyncClient, clock: ManualClock, text: bytes, cause: str
) -> None:
    """A device that is told 400 throws away the rest of its data with it."""
    answer = await http.post(PATH, content=text, headers=signed(clock, PATH, text, secret="android-secret"))

    assert (answer.status_code, answer.json()["dt"]) == (202, "rh")
    assert await causes(http) == [cause]


async def test_too_long_to_check_its_signature(http: httpx2.AsyncClient, clock: ManualClock) -> None:
    """It would be no shorter the next time; as nobody knows who sent it, it is counted and not kept."""
    text = body("1", pad="x" * 300_000)

    answer = await http.post(PATH, content=text, headers=signed(clock, PATH, text, secret="other"))

    assert answer.status_code == 202
    assert await causes(http) == []
    shown = (await http.get("/metrics")).text
    assert 'idsync_event_batches_total{channel="native",outcome="too_large"} 1.0' in shown


async def test_development_is_a_graph_of_its_own(http: httpx2.AsyncClient, clock: ManualClock) -> None:
    """ID-004: `dbg` says which."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    text = body(mpid, dbg=True)

    await http.post(PATH, content=text, headers=signed(clock, PATH, text, secret="android-secret"))

    assert await causes(http) == ["unknown_mpid"]
