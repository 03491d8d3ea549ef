"""The guards of a scope behind the HTTP surface, whose answers keep their shape (ID-229)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from tests.unit.gateway.calls import code, identify, post
from tests.unit.gateway.conftest import CONFIGURATION, configuration

GUARDS = '\n[guards]\nconflict_guard = true\nblocked_values = "shipped"\n'


@pytest.fixture
async def service(clock: ManualClock, tmp_path: Path) -> AsyncIterator[App]:
    """On a store that answers at once, so that calls are recalled by their wording."""
    guarded = configuration(CONFIGURATION + GUARDS)
    async with open_app(guarded, f"sqlite:///{tmp_path}/g.db", "127.0.0.1:0", clock=clock) as app:
        yield app


def body(**known: str) -> bytes:
    return json.dumps({"environment": "production", "known_identities": known}).encode()


async def test_a_blocked_value_joins_nobody(http: httpx2.AsyncClient, service: App) -> None:
    """Each time, also when the answer is recalled."""
    first = [await identify(http, customerid="NULL", ios_idfv="d1") for _ in range(4)]
    second = await identify(http, customerid="NULL", ios_idfv="d2")

    assert len({answer["mpid"] for answer in first}) == 1
    assert second["mpid"] != first[0]["mpid"]
    assert first[3]["matched_identities"] == {"ios_idfv": "d1"}
    assert not first[3]["is_logged_in"]
    counted = {"type": "customerid", "reason": "blocked"}
    assert service.registry.get_sample_value("idsync_notices_total", counted) == 5


@pytest.mark.parametrize("call", ["identify", "login", "logout", "search"])
async def test_blocked_values_alone_are_no_identities(http: httpx2.AsyncClient, call: str) -> None:
    """ID-233: the answer of an empty request, to the letter."""
    refused = await post(http, f"/v1/{call}", body(customerid="undefined", ios_idfv="0"))
    empty = await post(http, f"/v1/{call}", body(customerid=" "))

    assert (refused.status_code, code(refused)) == (400, "LOOKUP_ERROR")
    assert refused.json()["errors"] == empty.json()["errors"]


async def test_a_blocked_new_value_is_null(http: httpx2.AsyncClient) -> None:
    """ID-162."""
    mpid = (await identify(http, ios_idfv="d1"))["mpid"]
    change = {"identity_type": "email", "old_value": None, "new_value": "test@test.com"}
    document = {"environment": "production", "identity_changes": [change]}

    answer = await post(http, f"/v1/{mpid}/modify", json.dumps(document).encode())

    assert (answer.status_code, answer.json()["change_results"]) == (200, [])


async def test_another_customer_is_not_joined_by_an_address(http: httpx2.AsyncClient) -> None:
    owner = await identify(http, customerid="c-1", email="family@example.com")
    other = await identify(http, customerid="c-2", email="family@example.com")
    missed = await post(http, "/v1/search", body(customerid="c-3", email="family@example.com"))

    assert other["mpid"] != owner["mpid"]
    assert other["matched_identities"] == {}
    assert (missed.status_code, code(missed)) == (404, "NOT_FOUND_ERROR")
