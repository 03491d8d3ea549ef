"""The load generator is a correct gRPC client, and counts what it claims to count."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from math import inf, isnan
from pathlib import Path
from time import perf_counter
from typing import Any

import grpc
import pytest

from idsync.v1 import identity_service_pb2 as pb
from tests.bench.http2 import PREFIX_BYTES, UnaryConnection, framed
from tests.bench.load import Sample, closed_loop, open_loop
from tests.bench.meter import Meter
from tests.bench.servers import Server, echo_server
from tests.bench.target import Target
from tests.bench.workloads import Users


class Uncounted:
    """A window that nobody looks through."""

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[Server]:
    async with echo_server(tmp_path) as server:
        yield server


async def exchange(target: Target, messages: list[bytes]) -> list[bytes]:
    """Send all at once and give the answers, without their prefix; a failed call gives b"failed"."""
    ended = asyncio.Event()
    open_calls = len(messages)
    failed: list[bytes] = []

    def answered(begun: float, end: float, succeeded: bool) -> None:
        nonlocal open_calls
        assert end >= begun
        open_calls -= 1
        if not succeeded:
            failed.append(b"failed")
        if not open_calls:
            ended.set()

    loop, authority = asyncio.get_running_loop(), f"{target.host}:{target.port}"
    _, connection = await loop.create_connection(
        lambda: UnaryConnection(target.path, authority, target.authorization, answered),
        target.host,
        target.port,
    )
    connection.messages = []
    for message in messages:
        connection.start(message, perf_counter())
    # grpc announces more than it says at first, so that it might let a violation pass.
    assert connection._window >= 0
    connection.flush()
    await ended.wait()
    connection.close()
    return [m[PREFIX_BYTES:] for m in connection.messages] + failed


async def test_every_answer_is_the_echo_of_a_request(echo: Server) -> None:
    """A thousand calls are twice the server's first window, so flow control has to work."""
    users = Users(1_000)
    requests = [users.identify(n) for n in range(1_000)]
    sent = {pb.IdentifyRequest.FromString(r[PREFIX_BYTES:]).known_identities[0].value for r in requests}

    answers = [pb.IdentifyResponse.FromString(m) for m in await exchange(echo.target("Identify"), requests)]

    assert sum(map(len, requests)) > 2 * 65_535
    assert len(sent) == len(answers) == 1_000
    assert {answer.matched_identities[0].value for answer in answers} == sent
    assert all(len(answer.matched_identities) == 4 and answer.is_logged_in for answer in answers)


async def test_a_message_larger_than_a_frame_is_cut(echo: Server) -> None:
    """Frames have at most 16,384 bytes unless the server allows more."""
    batch = Users(300).batch(list(range(300)))

    [answer] = await exchange(echo.target("BatchResolve"), [batch])

    assert len(batch) > 2 * 16_384
    assert len(pb.BatchResolveResponse.FromString(answer).results) == 300


async def test_an_error_is_no_success(echo: Server) -> None:
    """The echo server has no Login, and answers UNIMPLEMENTED."""
    answers = await exchange(echo.target("Login"), [Users(1).identify(0)] * 3)

    assert answers == [b"failed"] * 3


async def test_credentials_and_headers_reach_the_server_with_every_call() -> None:
    """The first call inserts them into the header table, all later ones point there."""
    secret = "Basic " + "eA" * 100

    async def tell(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        metadata = dict(context.invocation_metadata() or ())
        return " ".join(str(metadata[name]) for name in ("authorization", "user-agent")).encode() + request

    handler = grpc.method_handlers_generic_handler(
        "any.Service", {"Tell": grpc.unary_unary_rpc_method_handler(tell)}
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    answers = await exchange(Target("127.0.0.1", port, "/any.Service/Tell", secret), [framed(b"!")] * 3)
    await server.stop(None)

    assert answers == [f"{secret} idsync-bench!".encode()] * 3


async def test_a_lost_connection_fails_what_is_open(echo: Server) -> None:
    """Nothing waits for an answer that cannot come."""
    os.kill(echo.pid, signal.SIGSTOP)
    waiting = asyncio.create_task(exchange(echo.target("Identify"), [Users(1).identify(0)] * 2))
    asyncio.get_running_loop().call_later(0.2, os.kill, echo.pid, signal.SIGKILL)

    assert await waiting == [b"failed"] * 2


async def test_the_closed_loop_counts_answers_and_the_server_pays(echo: Server) -> None:
    """What ended in the window is counted; the meter saw the server work meanwhile."""
    meter = Meter(echo.pid)
    messages = Users(10).messages("mixed")

    sample = await closed_loop(
        [echo.target("Identify")], messages, meter, in_flight=8, seconds=0.5, warm_up_s=0.1
    )

    assert len(sample.latencies_s) > 8
    assert sample.failed == 0
    assert 0.5 <= sample.elapsed_s < 5
    assert 0 < sample.percentile_ms(0.5) <= sample.percentile_ms(0.99)
    assert 0 < meter.used_s < 5


async def test_the_open_loop_charges_a_stall_to_everybody_it_kept_waiting(echo: Server) -> None:
    """A closed loop would see a slow call or two; here each of those due meanwhile is late."""

    class Stall(Uncounted):
        def begin(self) -> None:
            os.kill(echo.pid, signal.SIGSTOP)
            asyncio.get_running_loop().call_later(0.4, os.kill, echo.pid, signal.SIGCONT)

    messages = Users(10).messages("repeat")
    sample = await open_loop(
        echo.target("Identify"), messages, Stall(), rate_per_s=200, seconds=0.5, warm_up_s=0.1
    )

    assert len(sample.latencies_s) in {99, 100}
    assert sum(latency_s > 0.1 for latency_s in sample.latencies_s) >= 50
    assert max(sample.latencies_s) >= 0.35


async def test_the_open_loop_counts_from_when_a_call_was_due_not_from_when_it_was_sent(echo: Server) -> None:
    """A generator that comes late must not hide it: here it is busy elsewhere for 0.3 s."""

    class Busy(Uncounted):
        def begin(self) -> None:
            until = perf_counter() + 0.3
            while perf_counter() < until:
                pass

    messages = Users(10).messages("repeat")
    sample = await open_loop(
        echo.target("Identify"), messages, Busy(), rate_per_s=200, seconds=0.5, warm_up_s=0.1
    )

    assert len(sample.latencies_s) in {99, 100}
    assert sum(latency_s > 0.1 for latency_s in sample.latencies_s) >= 35


async def test_several_connections_share_the_calls(echo: Server) -> None:
    """A server with several processes is reached over several connections, as many as there are targets."""
    targets = [echo.target("Identify"), echo.target("Login")]

    sample = await closed_loop(
        targets,
        Users(10).messages("repeat"),
        Uncounted(),
        in_flight=8,
        seconds=0.3,
        warm_up_s=0.1,
        connections=4,
    )

    # the echo server has no Login: half of the connections get nothing but failures
    assert sample.failed > 4
    assert len(sample.latencies_s) > 4


def test_percentiles_are_of_all_calls_those_that_failed_too() -> None:
    """A server must not look fast because it refuses."""
    sample = Sample()
    sample.latencies_s.extend(number / 1_000 for number in range(1, 100))

    assert [sample.percentile_ms(share) for share in (0.0, 0.5, 0.99)] == [1, 50, 99]

    sample.failed = 1

    assert sample.percentile_ms(0.5) == 51
    assert sample.percentile_ms(0.99) == inf
    assert isnan(Sample().percentile_ms(0.5))
