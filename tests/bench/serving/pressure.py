"""Load on one server over one connection, with the load generator's client of unary calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Final

from idsync.v1 import identity_service_pb2 as pb
from tests.bench.http2 import PREFIX_BYTES, UnaryConnection
from tests.bench.load import Sample
from tests.bench.meter import Meter
from tests.bench.serving.candidates import Running
from tests.bench.workloads import Users

__all__ = ["IDENTIFY", "introduce", "press"]

IDENTIFY: Final = "/idsync.v1.IdentityService/Identify"
_BATCH_RESOLVE: Final = "/idsync.v1.IdentityService/BatchResolve"
_AT_ONCE: Final = 100
_DRAIN_S: Final = 20.0


class _Loop:
    """A closed loop: each answer is followed by the next call, until there are no more messages."""

    def __init__(self, next_message: Callable[[], bytes | None]) -> None:
        self.sample = Sample()
        self.connection: UnaryConnection
        self.counts = False
        self.idle = asyncio.Event()
        self._next = next_message

    async def connect(self, server: Running, path: str, authorization: str | None) -> None:
        _, self.connection = await asyncio.get_running_loop().create_connection(
            lambda: UnaryConnection(path, f"{server.host}:{server.port}", authorization, self._answered),
            server.host,
            server.port,
        )

    def begin(self, in_flight: int) -> None:
        for _ in range(in_flight):
            self._start(perf_counter())
        self.connection.flush()

    def _start(self, now: float) -> None:
        message = self._next() if self.connection.lost is None else None
        if message is not None:
            self.connection.start(message, now)
        elif not self.connection.open:
            self.idle.set()

    def _answered(self, begun: float, ended: float, succeeded: bool) -> None:
        if not succeeded:
            self.sample.failed += 1
        elif self.counts:
            self.sample.latencies_s.append(ended - begun)
        self._start(ended)

    async def drain(self) -> None:
        try:
            await asyncio.wait_for(self.idle.wait(), _DRAIN_S)
        except TimeoutError:
            self.sample.failed += len(self.connection.open)
        self.connection.close()


async def press(
    server: Running,
    authorization: str | None,
    next_message: Callable[[], bytes],
    meter: Meter,
    *,
    in_flight: int,
    seconds: float,
    warm_up_s: float,
) -> Sample:
    """Keep `in_flight` identifies open; answers that come in the `seconds` after the warm-up count."""
    ended = False
    loop = _Loop(lambda: None if ended else next_message())
    await loop.connect(server, IDENTIFY, authorization)
    loop.begin(in_flight)
    await asyncio.sleep(warm_up_s)
    meter.begin()
    loop.counts, since, cpu_since = True, perf_counter(), process_time()
    await asyncio.sleep(seconds)
    loop.counts = False
    loop.sample.elapsed_s = perf_counter() - since
    loop.sample.own_cpu_share = (process_time() - cpu_since) / loop.sample.elapsed_s
    meter.end()
    ended = True
    await loop.drain()
    return loop.sample


async def introduce(server: Running, users: Users) -> None:
    """Let a service meet the users it is to know.

    Raises:
        RuntimeError: It did not take all of them.
    """
    starts = iter(range(0, users.known, _AT_ONCE))

    def batch() -> bytes | None:
        start = next(starts, None)
        if start is None:
            return None
        return users.batch(list(range(start, min(start + _AT_ONCE, users.known))))

    loop = _Loop(batch)
    await loop.connect(server, _BATCH_RESOLVE, server.authorization)
    answers: list[bytes] = []
    loop.connection.messages = answers
    loop.begin(1)
    await loop.drain()
    results = [r for a in answers for r in pb.BatchResolveResponse.FromString(a[PREFIX_BYTES:]).results]
    taken = sum(result.WhichOneof("result") == "identify" for result in results)
    if taken != users.known:
        raise RuntimeError(f"{taken} of {users.known} users were taken")
