"""The usual measurement: a server under one kind of load, by rate, latency and processor time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

import grpc

from idsync.v1 import identity_service_pb2 as pb
from tests.bench.http2 import PREFIX_BYTES
from tests.bench.load import closed_loop, open_loop
from tests.bench.measurement import Entrant, Figures, Options, figures_of
from tests.bench.meter import Meter, family
from tests.bench.servers import Server
from tests.bench.workloads import BATCH, Users

__all__ = [
    "BATCHES_IN_FLIGHT",
    "IN_FLIGHT",
    "SETTLE_S",
    "closed",
    "introduce",
    "opened",
    "visit",
]

IN_FLIGHT: Final = 64
BATCHES_IN_FLIGHT: Final = 8
"""Eight batches at once are 800 resolutions on their way; 64 would only measure the queue."""
SETTLE_S: Final = 30.0
AT_ONCE: Final = 1_000


def closed(
    options: Options,
    case: str,
    subject: str,
    servers: Sequence[Server],
    users: Users,
    connections: int = 1,
    besides: Sequence[int] = (),
    kind: str | None = None,
) -> Entrant:
    """Keep 64 calls (8 batches) open, over some connections, spread over the servers.

    `kind` is a workload of `Users.messages`, by default named as the case; `besides` are processes that work
    for the servers, too.
    """
    sent = case if kind is None else kind
    is_batch, is_http = sent.startswith("batch-"), sent.startswith("http-")

    async def measure() -> Figures:
        meter = Meter(*(server.pid for server in servers), *besides)
        method = "BatchResolve" if is_batch else "Identify"
        sample = await closed_loop(
            [server.http_target() if is_http else server.target(method) for server in servers],
            users.messages(sent),
            meter,
            in_flight=BATCHES_IN_FLIGHT if is_batch else IN_FLIGHT,
            seconds=options.seconds,
            warm_up_s=options.warm_up_s,
            connections=IN_FLIGHT if is_http else connections,
        )
        resolutions = BATCH if is_batch else 1
        figures = figures_of(sample, meter, await meter.settle(SETTLE_S), resolutions)
        if besides:
            besides_s = sum(meter.used_by.get(pid, 0.0) for pid in family(*besides))
            figures["besides_us"] = besides_s / max(1, len(sample.latencies_s) * resolutions) * 1e6
        return figures

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
            warm_up_s=options.warm_up_s,
        )
        return figures_of(sample, meter, await meter.settle(SETTLE_S))

    return Entrant(case, subject, measure)


async def introduce(server: Server, users: Users) -> None:
    """Let the service meet the users it is to know.

    Raises:
        RuntimeError: It refused one of them.
    """
    await _send(server, users, range(users.first, users.first + users.known))
    await Meter(server.pid).settle(SETTLE_S)


async def visit(server: Server, users: Users, times: int) -> None:
    """Let so many of the users it knows come by, in no order.

    Raises:
        RuntimeError: It refused one of them.
    """
    await _send(server, users, (users.any_known() for _ in range(times)))


async def _send(server: Server, users: Users, people: Iterable[int]) -> None:
    target = server.target("BatchResolve")
    metadata = [("authorization", target.authorization)] if target.authorization else []
    remaining = iter(people)
    async with grpc.aio.insecure_channel(f"{target.host}:{target.port}") as channel:
        batch_resolve: grpc.aio.UnaryUnaryMultiCallable[bytes, pb.BatchResolveResponse] = channel.unary_unary(
            target.path, response_deserializer=pb.BatchResolveResponse.FromString
        )
        while batch := list(islice(remaining, AT_ONCE)):
            response = await batch_resolve(users.batch(batch)[PREFIX_BYTES:], metadata=metadata)
            for result in response.results:
                if result.WhichOneof("result") == "error":
                    raise RuntimeError(f"the service refused a user: {result.error.message}")
