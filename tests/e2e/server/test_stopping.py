"""The end of the service: streams are ended, calls under way are answered, nothing more is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from idsync.client import AsyncClient, GrpcTransport, RetryPolicy
from idsync.config import Configuration
from idsync.model.errors import UnavailableError
from idsync.server.app import open_app
from idsync.testing.clock import ManualClock
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import SHOP
from tests.e2e.identity_requests import PRODUCTION, identify

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class TestStopping:
    async def test_streams_end_at_once(self, configuration: Configuration, clock: ManualClock) -> None:
        """A watcher must not hold the service up; it is told to come again."""
        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock, grace_s=60) as app:
            client = AsyncClient.connect(app.grpc_address, SHOP)
            await client.identify(identify(ios_idfv="d"))
            changes = aiter(client.watch_changes(graph.WatchChangesRequest(environment=PRODUCTION)))
            await anext(changes)
            waiting = asyncio.ensure_future(anext(changes))
            started_s = asyncio.get_running_loop().time()

        with pytest.raises(UnavailableError):
            await waiting
        assert asyncio.get_running_loop().time() - started_s < 30
        await client.close()

    async def test_watchers_of_health_are_told_and_do_not_hold_it_up(
        self, configuration: Configuration, clock: ManualClock
    ) -> None:
        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock, grace_s=60) as app:
            channel = grpc.aio.insecure_channel(app.grpc_address)
            stub: Any = health_pb2_grpc.HealthStub(channel)
            watch = aiter(stub.Watch(health_pb2.HealthCheckRequest(service="idsync.v1.IdentityService")))
            before = await anext(watch)
            started_s = asyncio.get_running_loop().time()

        after = [answer.status async for answer in watch]
        assert (before.status, after) == (SERVING, [NOT_SERVING])
        assert asyncio.get_running_loop().time() - started_s < 30
        await channel.close()

    async def test_whoever_asks_is_told_before_it_ends(
        self, configuration: Configuration, clock: ManualClock
    ) -> None:
        """A balancer sends nobody any more while those who still come are answered."""
        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock) as app:
            async with grpc.aio.insecure_channel(app.grpc_address) as channel:
                stub: Any = health_pb2_grpc.HealthStub(channel)
                await app.leave()
                asked = await stub.Check(health_pb2.HealthCheckRequest(service="idsync.v1.IdentityService"))
            async with AsyncClient.connect(app.grpc_address, SHOP) as client:
                answer = await client.identify(identify(ios_idfv="d"))

        assert asked.status == NOT_SERVING
        assert not app.is_ready
        assert answer.mpid

    async def test_calls_under_way_are_answered(
        self, configuration: Configuration, clock: ManualClock
    ) -> None:
        """What was read before the end is answered; nothing is lost in between."""
        asked = asyncio.Event()

        async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
            for number in range(20):
                yield pb.StreamResolveRequest(call=pb.ResolveCall(identify=identify(ios_idfv=f"d{number}")))
            asked.set()
            await asyncio.Event().wait()

        answers = []

        async def read(client: AsyncClient) -> None:
            async for answer in client.stream_resolve(requests()):
                answers.append(answer.result.identify.mpid)  # noqa: PERF401 - what came before the error counts

        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock) as app:
            client = AsyncClient.connect(app.grpc_address, SHOP)
            reading = asyncio.create_task(read(client))
            await asked.wait()
            journal = app.store

        with pytest.raises(UnavailableError):
            await reading
        kept = sum([len(await journal.entries(key, 0, 100)) for key in await journal.graphs()])
        assert len(answers) == kept
        await client.close()

    async def test_not_ready_any_more(self, configuration: Configuration, clock: ManualClock) -> None:
        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock) as app:
            before = app.is_ready

        assert (before, app.is_ready) == (True, False)
        client = AsyncClient(GrpcTransport(app.grpc_address), SHOP, retry=RetryPolicy(attempts=1))
        with pytest.raises(UnavailableError):
            await client.identify(identify(ios_idfv="d"))
        await client.close()

    async def test_local_calls_end_too(self, configuration: Configuration, clock: ManualClock) -> None:
        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock) as app:
            local = AsyncClient(app.local_transport, SHOP, timeout_s=0.5)
            assert (await local.identify(identify(ios_idfv="d"))).mpid

        with pytest.raises(UnavailableError):
            await local.identify(identify(ios_idfv="d"))
