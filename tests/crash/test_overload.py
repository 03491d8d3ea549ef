"""More calls than the service can take: an honest refusal with a delay, and what is accepted is answered."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest

from idsync.client import AsyncClient, identities
from idsync.client.credentials import BasicCredentials
from idsync.client.errors import error_of_rpc
from idsync.model.errors import IdsyncError, UnavailableError
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.faults import faults
from tests.crash.load import sign_up, until
from tests.crash.served import Served, served

CREDENTIALS: Final = BasicCredentials("shop", "shop-secret")
FLOOD_S: Final = 4.0
CONNECTIONS: Final = 20
CALLERS: Final = 100
"""Per connection: together many times what the service is told to take at once."""
SLOWEST_S: Final = 15.0
MOST_MIB: Final = 200
LIMITS: Final = "calls_under_way = 100\ncalls_per_connection = 50"


@asynccontextmanager
async def connections(service: Served, count: int) -> AsyncIterator[list[grpc.aio.Channel]]:
    """Open connections, each of its own; grpc would have all channels share one."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                grpc.aio.insecure_channel(service.grpc, options=[("grpc.use_local_subchannel_pool", 1)])
            )
            for _ in range(count)
        ]


async def identify(channel: grpc.aio.Channel, device: str) -> None:
    """Call once, without a client that would wait and come again."""
    call = channel.unary_unary(
        "/idsync.v1.IdentityService/Identify",
        request_serializer=pb.IdentifyRequest.SerializeToString,
        response_deserializer=pb.IdentifyResponse.FromString,
    )
    request = pb.IdentifyRequest(
        environment=ENVIRONMENT_PRODUCTION, known_identities=identities({"ios_idfv": device})
    )
    try:
        await call(request, metadata=CREDENTIALS.metadata(), timeout=60)
    except grpc.aio.AioRpcError as error:
        raise error_of_rpc(error) from None


def resident_mib(service: Served) -> int:
    """Say how much memory the service has."""
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS")]
    return int(line.split()[1]) // 1_024


async def test_a_flood_takes_no_more_than_its_share(tmp_path: Path) -> None:
    """Callers who never wait, on many connections: some are refused, each of them with a delay; the others
    are answered in bounded time, memory does not grow with the flood, and afterwards all is as before."""
    ends: Counter[str] = Counter()
    slowest_s = 0.0

    async def flood(channel: grpc.aio.Channel, number: int, until_s: float) -> None:
        nonlocal slowest_s
        while (began_s := time.monotonic()) < until_s:
            try:
                await identify(channel, f"device-{number % 50}")
            except IdsyncError as error:
                has_delay = isinstance(error, UnavailableError) and error.retry_delay_s > 0
                ends["refused" if has_delay else repr(error)] += 1
            else:
                ends["answered"] += 1
                slowest_s = max(slowest_s, time.monotonic() - began_s)

    async with served(tmp_path, limits=LIMITS) as service, connections(service, CONNECTIONS) as channels:
        await asyncio.gather(*(identify(channel, "device-0") for channel in channels))
        before_mib = resident_mib(service)
        until_s = time.monotonic() + FLOOD_S
        async with asyncio.timeout(60):
            await asyncio.gather(
                *(flood(channel, number, until_s) for channel in channels for number in range(CALLERS))
            )
        grown_mib = resident_mib(service) - before_mib
        async with service.client() as client, asyncio.timeout(10):
            await sign_up(client, "afterwards")
        assert await service.stop() == 0

    assert ends.keys() == {"refused", "answered"}
    assert ends["answered"] > 100 * FLOOD_S
    assert slowest_s < SLOWEST_S
    assert grown_mib < MOST_MIB


async def test_callers_who_wait_for_a_stuck_disk_are_bounded(tmp_path: Path) -> None:
    """Beyond the limit a call is refused at once; the others when the disk is given up on."""
    with faults(tmp_path / "faults") as disk:
        async with (
            served(tmp_path, environment=disk.environment, limits="calls_under_way = 20") as service,
            connections(service, 1) as [channel],
            service.client() as client,
        ):
            await identify(channel, "device before")
            disk.sync(stuck=True, only="idsync.db.log-wal")
            calls = [asyncio.create_task(identify(channel, f"device-{n}")) for n in range(100)]
            # the disk is given up on after five seconds, so until then only the limit can refuse
            async with asyncio.timeout(4):
                await until(lambda: sum(call.done() for call in calls) == 80, "80 refusals")
                with pytest.raises(UnavailableError, match="too many calls are under way"):
                    await identify(channel, "one more")
            async with asyncio.timeout(30):
                await asyncio.wait(calls)
            late = [call.exception() for call in calls]
            disk.sync()
            await until_accepted(client)
            assert await service.stop() == 0

    assert sum("the disk does not answer" in str(error) for error in late) == 20
    assert all(isinstance(error, UnavailableError) and error.retry_delay_s > 0 for error in late)


async def until_accepted(client: AsyncClient) -> None:
    """Try until the service takes calls again."""
    async with asyncio.timeout(30):
        while True:
            try:
                await sign_up(client, "afterwards")
            except UnavailableError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_single_connection_waits_by_itself(tmp_path: Path) -> None:
    """Its client keeps back what is too much for one connection, so nobody is refused."""
    limits = "calls_per_connection = 10\ncalls_under_way = 20"
    async with served(tmp_path, limits=limits) as service, connections(service, 1) as [channel]:
        await identify(channel, "device-0")
        async with asyncio.timeout(60):
            await asyncio.gather(*(identify(channel, f"device-{n}") for n in range(500)))
        assert await service.stop() == 0


async def test_connections_are_bounded(tmp_path: Path) -> None:
    """One too many is not taken; those that are there go on."""
    async with served(tmp_path, limits="connections = 3") as service:
        async with connections(service, 4) as channels:
            for channel in channels[:3]:
                await identify(channel, "device-0")
            with pytest.raises(UnavailableError):
                await identify(channels[3], "device-0")
            for channel in channels[:3]:
                await identify(channel, "device-0")
        async with service.client() as client:
            await until_accepted(client)
        assert await service.stop() == 0
