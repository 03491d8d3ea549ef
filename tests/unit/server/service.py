"""The wrapper with methods of a test behind it: what it does must not depend on what they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from prometheus_client import CollectorRegistry

from idsync.client import BasicCredentials
from idsync.server.admission.caller import Caller
from idsync.server.admission.credentials import Authenticator, Registration
from idsync.server.admission.limits import Gate
from idsync.server.call import Call
from idsync.server.meters import Meters
from idsync.server.method import Desk, Method, methods_of
from idsync.v1 import admin_service_pb2, graph_service_pb2, identity_service_pb2, radar_service_pb2

WEB = Caller(key="web", workspace="shop", scope="retail")
METADATA = BasicCredentials("web", "s").metadata()


class Behaviour:
    """Answers every rpc the same way: with `result`, or by raising it."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.seen: list[tuple[Any, Call]] = []
        self.called = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return self._stream if name in {"stream_resolve", "watch_changes"} else self._unary

    async def _unary(self, request: Any, call: Call) -> Any:
        self.seen.append((request, call))
        self.called.set()
        if isinstance(self.result, BaseException):
            raise self.result
        return await self.result() if callable(self.result) else self.result

    async def _stream(self, requests: Any, call: Call) -> AsyncGenerator[Any, None]:
        if isinstance(requests, AsyncIterable):
            async for request in requests:
                yield await self._unary(request, call)
        else:
            yield await self._unary(requests, call)


def methods(
    result: Any, *, gate: Gate | None = None, registry: CollectorRegistry | None = None
) -> tuple[dict[str, Method], Behaviour]:
    """Wrap a behaviour: the methods of all services by name, and the behaviour."""
    behaviour = Behaviour(result)
    meters = Meters(CollectorRegistry() if registry is None else registry)
    authenticator = Authenticator([Registration(WEB, "s", key_only=False)], None, 900, lambda: 0)
    desk = Desk(authenticator, gate, meters)
    wrapped = [
        method
        for module, name in (
            (identity_service_pb2, "IdentityService"),
            (graph_service_pb2, "GraphService"),
            (radar_service_pb2, "RadarService"),
            (admin_service_pb2, "AdminService"),
        )
        for method in methods_of(
            module.DESCRIPTOR.services_by_name[name], behaviour, desk, {"BatchResolve", "StreamResolve"}
        )
    ]
    return {method.name: method for method in wrapped}, behaviour
