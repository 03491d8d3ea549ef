"""The OpenAPI document is written from the table that routes the calls."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import httpx2
import pytest


@pytest.fixture
async def document(http: httpx2.AsyncClient) -> dict[str, Any]:
    response = await http.get("/openapi.json")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    shown: dict[str, Any] = response.json()
    return shown


async def test_every_call_of_the_document_is_routed(
    http: httpx2.AsyncClient, document: dict[str, Any]
) -> None:
    """By its method, and by no other."""
    assert len(document["paths"]) == 41
    for template, calls in document["paths"].items():
        path = re.sub(r"{\w+}", "5", template)
        (method,) = calls
        served = await http.request(method, path, headers={"x-mp-key": "nobody"})
        other = await http.request("DELETE", path)

        assert served.status_code != 405, template
        assert "Not Found" not in served.text, template
        assert other.status_code == 405, template
        assert set(other.headers["allow"].split(", ")) - {"HEAD"} == {method.upper()}, template


async def test_calls_are_named_once(document: dict[str, Any]) -> None:
    names = [call["operationId"] for calls in document["paths"].values() for call in calls.values()]

    assert len(names) == len(set(names))
    assert {"identify", "alias_capital_behind_webevents", "events", "profile_events"} <= set(names)


async def test_what_is_not_served_is_not_shown(document: dict[str, Any]) -> None:
    """FastAPI's own checks and their answers are none of ours."""
    assert "422" not in {
        status
        for calls in document["paths"].values()
        for call in calls.values()
        for status in call["responses"]
    }
    assert not {"HTTPValidationError", "ValidationError"} & document["components"]["schemas"].keys()


def test_a_service_that_nobody_asks_does_without_what_writes_it() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, idsync.gateway.app; print(*{name.split('.')[0] for name in sys.modules})",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert not {"fastapi", "pydantic"} & set(loaded.stdout.split())
