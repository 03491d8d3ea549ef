"""The gateway before a whole service: what published clients send, and what they need to read."""

from __future__ import annotations

import gzip
import json
import re

import httpx2
import pytest

from idsync.client import AsyncClient, KeyCredentials
from idsync.server.app import App
from idsync.testing.clock import ManualClock
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.gateway import recorded
from tests.unit.gateway.calls import ORIGIN, WEB, code, identify, post, signed


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
