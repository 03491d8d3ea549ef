"""Rounds of measurements that alternate between the echo server and the service."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc

from idsync.v1 import identity_service_pb2 as pb
from tests.bench.http2 import PREFIX_BYTES
from tests.bench.load import closed_loop, open_loop
from tests.bench.meter import Meter, quiet
from tests.bench.report import Measurement
from tests.bench.servers import Server, echo_server, service
from tests.bench.workloads import WORKLOADS, Users, Workload

__all__ = ["Options", "compare"]

WARM_UP_S = 0.5
SETTLE_S = 30.0
INTRODUCED_AT_ONCE = 1_000


@dataclass(frozen=True)
class Options:
    """What to measure, how often and how long; `rate` 0 is the closed loop.

    Before each measurement the machine may take `patience_s` to become quiet.
    """

    rounds: int
    seconds: float
    workloads: Sequence[str]
    in_flight: int
    rate: float
    users: int
    patience_s: float


async def compare(options: Options) -> list[Measurement]:
    """Start both servers and measure round after round; each round begins with the other one."""
    found = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idsync-bench-")))
        servers = {
            "echo": await stack.enter_async_context(echo_server(folder)),
            "service": await stack.enter_async_context(service(folder)),
        }
        users = {name: Users(options.users) for name in servers}
        _say(f"introducing {options.users} users")
        await _introduce(servers["service"], users["service"])
        for number in range(options.rounds):
            names = list(servers) if number % 2 == 0 else list(reversed(servers))
            for workload in options.workloads:
                for name in names:
                    _say(f"round {number + 1} of {options.rounds}: {workload}, {name}")
                    found.append(
                        await _measure(options, number, WORKLOADS[workload], name, servers[name], users[name])
                    )
    _say("")
    return found


async def _introduce(server: Server, users: Users) -> None:
    """Let the service meet the users it is to know.

    Raises:
        RuntimeError: It refused one of them.
    """
    target = server.target("BatchResolve")
    metadata = [("authorization", target.authorization)] if target.authorization else []
    async with grpc.aio.insecure_channel(f"{target.host}:{target.port}") as channel:
        batch_resolve: grpc.aio.UnaryUnaryMultiCallable[bytes, pb.BatchResolveResponse] = channel.unary_unary(
            target.path, response_deserializer=pb.BatchResolveResponse.FromString
        )
        for at in range(0, users.known, INTRODUCED_AT_ONCE):
            batch = users.batch(list(range(at, min(at + INTRODUCED_AT_ONCE, users.known))))
            response = await batch_resolve(batch[PREFIX_BYTES:], metadata=metadata)
            for result in response.results:
                if result.WhichOneof("result") == "error":
                    raise RuntimeError(f"the service refused a user: {result.error.message}")
    await Meter(server.pid).settle(SETTLE_S)


async def _measure(
    options: Options, number: int, workload: Workload, name: str, server: Server, users: Users
) -> Measurement:
    await quiet(options.patience_s)
    meter = Meter(server.pid)
    target, messages = server.target(workload.method), workload.messages(users)
    if options.rate:
        rate = options.rate / workload.resolutions
        sample = await open_loop(
            target, messages, meter, rate_per_s=rate, seconds=options.seconds, warm_up_s=WARM_UP_S
        )
    else:
        at_once = max(1, round(options.in_flight * workload.in_flight_share))
        sample = await closed_loop(
            target, messages, meter, in_flight=at_once, seconds=options.seconds, warm_up_s=WARM_UP_S
        )
    later_s = await meter.settle(SETTLE_S)
    return Measurement.of(number, workload, name, sample, meter, later_s)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()
