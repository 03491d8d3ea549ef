"""A program with many concurrent callers on `idsync.client`, which the benchmark starts beside itself.

Reads one JSON object from its command line (the fields of `Work`), writes the line `counting` when the
counted time begins and one JSON object when it is over.
"""

from __future__ import annotations

import asyncio
import sys
from array import array
from dataclasses import asdict, dataclass
from time import perf_counter, process_time

import orjson
import uvloop

from idsync.client import AsyncClient
from idsync.model.errors import IdsyncError
from idsync.v1.identity_service_pb2 import IdentifyRequest
from tests.bench.http2 import PREFIX_BYTES
from tests.bench.load import Sample
from tests.bench.workloads import Users

__all__ = ["Seen", "Work"]


@dataclass(frozen=True)
class Work:
    """What to do; `fresh_from` is the number of the first new user."""

    address: str
    key: str
    secret: str
    users: int
    fresh_from: int
    callers: int
    warm_up_s: float
    seconds: float


@dataclass(frozen=True)
class Seen:
    """What came of it."""

    answered: int
    failed: int
    p50_ms: float
    p99_ms: float
    elapsed_s: float
    cpu_share: float


async def work(task: Work) -> Seen:
    """Let every caller identify one user after the other until the time is over."""
    users = Users(task.users, fresh_from=task.fresh_from)
    next_message = users.messages("mixed")
    latencies, failed, until = array("d"), 0, perf_counter() + task.warm_up_s + task.seconds

    async def call(client: AsyncClient) -> None:
        nonlocal failed
        while (begun := perf_counter()) < until:
            try:
                await client.identify(IdentifyRequest.FromString(next_message()[PREFIX_BYTES:]))
            except IdsyncError:
                failed += 1
            else:
                latencies.append(perf_counter() - begun)

    async with AsyncClient.connect(task.address, key=task.key, secret=task.secret) as client:
        calls = [asyncio.create_task(call(client)) for _ in range(task.callers)]
        await asyncio.sleep(task.warm_up_s)
        sys.stdout.write("counting\n")
        sys.stdout.flush()
        since, cpu_since = perf_counter(), process_time()
        del latencies[:]
        await asyncio.sleep(task.seconds)
        sample = Sample(latencies[:], failed, perf_counter() - since)
        sample.own_cpu_share = (process_time() - cpu_since) / sample.elapsed_s
        await asyncio.gather(*calls)
    return Seen(
        len(sample.latencies_s),
        failed,
        sample.percentile_ms(0.50),
        sample.percentile_ms(0.99),
        sample.elapsed_s,
        sample.own_cpu_share,
    )


if __name__ == "__main__":
    print(orjson.dumps(asdict(uvloop.run(work(Work(**orjson.loads(sys.argv[1])))))).decode())  # noqa: T201
