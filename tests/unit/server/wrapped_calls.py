"""What the wrapper's tests send and expect, and what it counted of that."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from prometheus_client import CollectorRegistry

from idsync.v1 import identity_service_pb2 as pb

ANSWER = pb.IdentifyResponse(mpid=5)
REQUEST = pb.IdentifyRequest(request_id="r")


async def one(message: Any) -> AsyncGenerator[Any, None]:
    yield message


def handled(registry: CollectorRegistry, method: str, code: str) -> float | None:
    return registry.get_sample_value(
        "grpc_server_handled_total",
        {
            "grpc_type": "unary_unary",
            "grpc_service": "idsync.v1.IdentityService",
            "grpc_method": method,
            "grpc_code": code,
        },
    )
