"""What anybody may ask of a running service: health, reflection; and what it counts."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from idsync.client import AsyncClient
from idsync.server.app import App
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.identity_requests import identify


class TestOpenToEverybody:
    @pytest.mark.parametrize("service", ["", "idsync.v1.IdentityService", "idsync.v1.GraphService"])
    async def test_health(self, app: App, service: str) -> None:
        async with grpc.aio.insecure_channel(app.grpc_address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))

        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    async def test_reflection(self, app: App) -> None:
        """`grpcurl` works without a proto file."""
        async with grpc.aio.insecure_channel(app.grpc_address) as channel:
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
            call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
            answer = await anext(aiter(call))

        assert {service.name for service in answer.list_services_response.service} == {
            "idsync.v1.IdentityService",
            "idsync.v1.GraphService",
            "idsync.v1.AdminService",
            "idsync.v1.PrivacyService",
            "idsync.v1.RadarService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }


async def test_methods_are_found_by_name(client: AsyncClient) -> None:
    """A task for each registered method, all looked at for each call, would double what a call costs."""
    await client.identify(identify(ios_idfv="d"))

    assert len(asyncio.all_tasks()) < 10


async def test_metrics(app: App, client: AsyncClient) -> None:
    """Calls by code, outcomes by rule, notices by reason."""
    await client.identify(identify(ios_idfv="d"))
    await client.identify(identify(ios_idfv="d"))
    request = identify(ios_idfv="d")
    request.known_identities.add(type=identity_pb2.IDENTITY_TYPE_EMAIL, value=" ")
    batch = pb.BatchResolveRequest(calls=[pb.ResolveCall(identify=request)])
    await client.batch_resolve(batch)

    def outcomes(outcome: str, rule: str) -> float | None:
        labels = {"scope": "retail", "outcome": outcome, "rule": rule}
        return app.registry.get_sample_value("idsync_outcomes_total", labels)

    assert outcomes("created", "link/new-anonymous") == 1
    assert outcomes("found", "link/anonymous") == 2
    assert app.registry.get_sample_value("idsync_notices_total", {"type": "email", "reason": "blank"}) == 1
