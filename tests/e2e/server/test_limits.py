"""Who calls too often is refused with the wait, by key or by identity (ID-234, ID-240)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc
import pytest

from idsync.client import AsyncClient
from idsync.config import Configuration, Limits
from idsync.model.errors import RateLimitedError
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from idsync.v1 import admin_service_pb2, identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import OPERATOR, SHOP
from tests.e2e.identity_requests import PRODUCTION, identify


class TestLimits:
    @pytest.fixture
    def configuration(self, configuration: Configuration) -> Configuration:
        """So slow that a test can be faster."""
        return replace(configuration, limits=Limits(requests_per_second_per_key=2))

    async def test_refused_with_the_wait(self, app: App, client: AsyncClient) -> None:
        """ID-234, ID-240."""
        for _ in range(2):
            await client.identify(identify(ios_idfv="d"))

        with pytest.raises(RateLimitedError) as caught:
            await client.identify(identify(ios_idfv="d"))

        assert caught.value.metadata == {"limit": "app"}
        assert 0 < caught.value.retry_delay_s <= 1

    async def test_calls_of_a_batch_count_each(self, client: AsyncClient) -> None:
        """Otherwise a batch would be the way around every limit."""
        batch = pb.BatchResolveRequest(calls=[pb.ResolveCall(identify=identify(ios_idfv="d"))] * 4)

        results = (await client.batch_resolve(batch)).results

        assert [r.WhichOneof("result") for r in results] == ["identify", "identify", "error", "error"]
        assert results[3].error.reason == "TOO_MANY_REQUESTS"
        assert results[3].error.retry_delay_s > 0

    async def test_use_is_said(self, app: App) -> None:
        async with grpc.aio.insecure_channel(app.grpc_address) as channel:
            call: Any = channel.unary_unary("/idsync.v1.IdentityService/Identify")
            running = call(identify(ios_idfv="d").SerializeToString(), metadata=SHOP.metadata())
            await running
            trailing = dict([*await running.trailing_metadata()])

        assert trailing["x-mp-rate-limit-percentage-used"] == "50"

    async def test_operators_get_through(self, client: AsyncClient) -> None:
        request = admin_service_pb2.ListScopesRequest()

        answers = [await client.list_scopes(request, credentials=OPERATOR) for _ in range(20)]

        assert all(answer.scopes for answer in answers)


async def test_hot_identity_alone(configuration: Configuration, clock: ManualClock) -> None:
    """ID-240."""
    limited = replace(configuration, limits=Limits(requests_per_second_per_identity=1))
    async with (
        open_app(limited, "memory://", "127.0.0.1:0", clock=clock) as app,
        AsyncClient.connect(app.grpc_address, SHOP) as client,
    ):
        mpid = (await client.identify(identify(ios_idfv="hot"))).mpid

        with pytest.raises(RateLimitedError):
            await client.identify(identify(ios_idfv="hot"))
        change = pb.IdentityChange(type=identity_pb2.IDENTITY_TYPE_IOS_IDFV, old_value="hot")
        with pytest.raises(RateLimitedError):
            await client.modify(
                pb.ModifyRequest(environment=PRODUCTION, mpid=mpid, identity_changes=[change])
            )
        assert (await client.identify(identify(ios_idfv="cold"))).mpid != mpid
        batch = pb.BatchResolveRequest(calls=[pb.ResolveCall(identify=identify(ios_idfv="hot"))])
        (result,) = (await client.batch_resolve(batch)).results
        assert result.error.reason == "TOO_MANY_REQUESTS"
