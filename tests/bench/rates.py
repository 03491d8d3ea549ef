"""The usual measurement: a server under one kind of load, by rate, latency and processor time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import grpc

from idsync.v1 import identity_service_pb2 as pb
from tests.bench.http2 import PREFIX_BYTES
from tests.bench.load import closed_loop, open_loop
from tests.bench.measurement import Entrant, Figures, Options, figures_of
from tests.bench.meter import Meter
from tests.bench.servers import Server
from tests.bench.workloads import BATCH, Users

__all__ = ["IN_FLIGHT", "SETTLE_S", "WARM_UP_S", "closed", "introduce", "opened"]

IN_FLIGHT: Final = 64
BATCHES_IN_FLIGHT: Final = 8
"""Eight batches at once are 800 resolutions on their way; 64 would only measure the queue."""
WARM_UP_S: Final = 0.5
SETTLE_S: Final = 30.0
INTRODUCED_AT_ONCE: Final = 1_000


def closed(
    options: Options,
    case: str,
    subject: str,
    servers: Sequence[Server],
    users: Users,
    connections: int = 1,
    besides: Sequence[int] = (),
) -> Entrant:
    """Keep 64 calls (8 batches) open, over some connections, spread over the servers.

    `case` is a workload of `Users.messages`; `besides` are processes that work for the servers, too.
    """
    is_batch, is_http = case.startswith("batch-"), case.startswith("http-")

    async def measure() -> Figures:
        meter = Meter(*(server.pid for server in servers), *besides)
        method = "BatchResolve" if is_batch else "Identify"
        sample = await closed_loop(
            [server.http_target() if is_http else server.target(method) for server in servers],
            users.messages(case),
            meter,
            in_flight=BATCHES_IN_FLIGHT if is_batch else IN_FLIGHT,
            seconds=options.seconds,
            warm_up_s=WARM_UP_S,
            connections=IN_FLIGHT if is_http else connections,
        )
        return figures_of(sample, meter, await meter.settle(SETTLE_S), BATCH if is_batch else 1)

    return Entrant(case, subject, measure)


def opened(
    options: Options, case: str, subject: str, server: Server, users: Users, kind: str, rate: float
) -> Entrant:
    """Send calls of one workload (`kind`) at a rate of our own, whatever comes back."""

    async def measure() -> Figures:
        meter = Meter(server.pid)
        sample = await open_loop(
            server.target("Identify"),
            users.messages(kind),
            meter,
            rate_per_s=rate,
            seconds=options.seconds,
            warm_up_s=WARM_UP_S,
        )
        return figures_of(sample, meter, await meter.settle(SETTLE_S))

    return Entrant(case, subject, measure)


async def introduce(server: Server, users: Users) -> None:
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
        end = users.first + users.known
        for at in range(users.first, end, INTRODUCED_AT_ONCE):
            batch = users.batch(list(range(at, min(at + INTRODUCED_AT_ONCE, end))))
            response = await batch_resolve(batch[PREFIX_BYTES:], metadata=metadata)
            for result in response.results:
                if result.WhichOneof("result") == "error":
                    raise RuntimeError(f"the service refused a user: {result.error.message}")
    await Meter(server.pid).settle(SETTLE_S)
