"""The HTTP surface against servers that answer as no service should."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idsync.model.errors import ConfigurationError
from idsync.testing.scenario.case import Step
from idsync.testing.scenario.http_surface import HttpSurface, http_client
from idsync.testing.scenario.service_surface import InputAccess
from idsync.testing.scenario.surface import Answer, Observed, Refusal
from tests.unit.testing.scenario.stories import read, story

INPUTS = {"w1": InputAccess("a key", "secret", "s1")}


@asynccontextmanager
async def server(status: int, content: str, seen: list[Request]) -> AsyncIterator[httpx2.AsyncClient]:
    """Answer everything alike."""

    async def answer(request: Request) -> Response:
        await request.body()
        seen.append(request)
        return Response(content, status)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["POST", "GET"])])
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


async def observed(
    step: Step, status: int, body: Any, inputs: dict[str, InputAccess] = INPUTS
) -> tuple[Observed, Request]:
    seen: list[Request] = []
    async with server(status, body if isinstance(body, str) else json.dumps(body), seen) as client:
        came = await HttpSurface(client, inputs).call(step, "id-1")
    return came, seen[0]


@pytest.fixture
def identify(tmp_path: Path) -> Step:
    return read(tmp_path, story()).steps[0]


@pytest.mark.parametrize("mpid", [5, "five", None, ["5"]])
async def test_an_mpid_is_a_decimal_string_or_none_at_all(identify: Step, mpid: Any) -> None:
    """Rule ID-170: a number would be rounded in browsers."""
    came, _ = await observed(identify, 200, {"mpid": mpid})

    assert came == Answer(200)


@pytest.mark.parametrize(
    "results", ["none", [7], [{"identity_type": "email"}], [{"identity_type": "email", "modified_mpid": 5}]]
)
async def test_malformed_change_results_count_as_missing(identify: Step, results: Any) -> None:
    came, _ = await observed(identify, 200, {"change_results": results})

    assert isinstance(came, Answer)
    assert came.changes is None


@pytest.mark.parametrize("body", ["", "<html>", "[]", '"text"'])
async def test_an_answer_that_is_no_object_has_no_members(identify: Step, body: str) -> None:
    came, _ = await observed(identify, 200, body)

    assert came == Answer(200)


async def test_a_result_beside_an_error_is_seen(identify: Step) -> None:
    body = {"errors": [{"code": "LOOKUP_ERROR", "message": "no"}], "mpid": "5"}

    came, _ = await observed(identify, 400, body)

    assert came == Refusal(400, "LOOKUP_ERROR", "no", besides=("mpid",))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": "INVALID_DATA", "message": "no"}, "INVALID_DATA"),
        ({"errors": []}, None),
        ({"errors": [{"code": 5}]}, None),
        ("", None),
    ],
)
async def test_the_code_is_where_identity_or_alias_has_it(
    identify: Step, body: Any, code: str | None
) -> None:
    """Rule ID-232."""
    came, _ = await observed(identify, 400, body)

    assert isinstance(came, Refusal)
    assert came.code == code


async def test_a_service_that_is_not_there_is_a_refusal(identify: Step) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with http_client(f"127.0.0.1:{port}") as client:
        came = await HttpSurface(client, INPUTS).call(identify, "id-1")

    assert isinstance(came, Refusal)
    assert came.status == 503


async def test_key_and_paths_are_quoted(tmp_path: Path) -> None:
    """Whatever stands for an MPID goes into the path as it stands."""
    steps = read(tmp_path, story((("steps", 2, "request", "mpid"), "a/b?c"))).steps

    _, modify = await observed(steps[2], 200, {})
    _, alias = await observed(steps[3], 202, "")

    assert modify.scope["raw_path"] == b"/v1/a%2Fb%3Fc/modify"
    assert alias.scope["raw_path"] == b"/v1/identity/a%20key/alias"


async def test_requests_are_sent_as_they_stand(tmp_path: Path) -> None:
    changes = [
        (("steps", 0, "request"), {"known_identities": ["\ud800"], "context": 7}),
        (("steps", 0, "omit"), ["environment"]),
        (("steps", 0, "query"), {"read_only": True, "return_matches": "FALSE"}),
    ]

    _, request = await observed(read(tmp_path, story(*changes)).steps[0], 200, {})

    body = json.loads(await request.body())
    assert (body["known_identities"], body["context"]) == (["\ud800"], 7)
    assert "environment" not in body
    assert body["request_id"] == "id-1"
    assert dict(request.query_params) == {"read_only": "true", "return_matches": "FALSE"}
    assert request.headers["authorization"].startswith("Basic ")


async def test_a_key_alone_is_shown_in_a_header_but_for_alias_in_the_path(tmp_path: Path) -> None:
    """As web clients do (ID-226)."""
    key_only = {"w1": InputAccess("a key", None, "s1")}
    steps = read(tmp_path, story()).steps

    _, identify = await observed(steps[0], 200, {}, key_only)
    _, alias = await observed(steps[3], 202, "", key_only)

    assert identify.headers["x-mp-key"] == "a key"
    assert "x-mp-key" not in alias.headers
    assert "authorization" not in {*identify.headers, *alias.headers}


async def test_raw_requests_get_the_key_and_nothing_else(tmp_path: Path) -> None:
    raw = {
        "call": "http",
        "http": {"method": "GET", "path": "/v1/$key", "headers": {"x-mp-key": "$key"}, "body": "$key $A"},
        "expect": {},
    }
    step = read(tmp_path, story((("steps",), [raw]))).steps[0]

    _, request = await observed(step, 200, "")

    assert (request.method, request.url.path) == ("GET", "/v1/a key")
    assert request.headers["x-mp-key"] == "a key"
    assert "authorization" not in request.headers
    assert await request.body() == b"a key $A"


def test_without_httpx2_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)

    with pytest.raises(ConfigurationError, match="pip install httpx2"):
        http_client("127.0.0.1:1")
