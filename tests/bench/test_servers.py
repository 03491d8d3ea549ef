"""The yardsticks are the frozen ones, and what does not start says why."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import orjson
import pytest

from tests.bench.http1 import HttpConnection
from tests.bench.load import closed_loop
from tests.bench.meter import Meter
from tests.bench.servers import (
    ECHO,
    ECHO_SHA256,
    HTTP_ECHO,
    HTTP_ECHO_SHA256,
    RefusedError,
    http_echo_server,
    service,
)
from tests.bench.target import Target
from tests.bench.workloads import Users


@pytest.mark.parametrize(("program", "sha256"), [(ECHO, ECHO_SHA256), (HTTP_ECHO, HTTP_ECHO_SHA256)])
def test_the_yardstick_is_the_frozen_one(program: Path, sha256: str) -> None:
    """Changing an echo server changes what every ratio means: do it knowingly, and measure anew."""
    assert hashlib.sha256(program.read_bytes()).hexdigest() == sha256


async def test_the_http_yardstick_answers_as_the_gateway_does(tmp_path: Path) -> None:
    """Same members and but for the digits of the MPID the same size: else two answers are compared."""
    users = Users(1)
    bodies = []
    async with http_echo_server(tmp_path) as echo, service(tmp_path) as ours:
        for server in (echo, ours):
            target = server.http_target()
            sample = await closed_loop(
                [target], users.messages("http-repeat"), Meter(), in_flight=3, seconds=0.2, warm_up_s=0
            )
            assert sample.failed == 0
            bodies.append(await _body(target, users.posted(0)))

    echoed, answered = map(orjson.loads, bodies)

    assert {**answered, "mpid": ""} == {**echoed, "mpid": ""}
    assert abs(len(bodies[0]) - len(bodies[1])) <= 1


async def _body(target: Target, message: bytes) -> bytes:
    ended = asyncio.Event()
    connection = await target.connect(lambda *_: ended.set())
    assert isinstance(connection, HttpConnection)
    connection.bodies = []
    connection.start(message, 0.0)
    connection.flush()
    await ended.wait()
    connection.close()
    [body] = connection.bodies
    return body


async def test_a_service_that_refuses_says_why(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="known"):
        async with service(tmp_path, database="nowhere://"):
            pass
