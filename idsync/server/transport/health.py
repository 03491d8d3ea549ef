"""Health of the server, after which whoever watched it has nothing more to learn."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2

__all__ = ["Health"]

NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING


class Health(health.aio.HealthServicer):  # type: ignore[misc]
    """The servicer of the health package, whose watchers would hold up the end of the service.

    There they stay until the grace is over; here they are told, and their stream ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_leaving = False

    async def leave(self) -> None:
        """Tell everybody that no more calls should come."""
        self._is_leaving = True
        await self.enter_graceful_shutdown()

    async def Watch(  # noqa: N802 - the name is the contract's
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        """Follow the health of a service."""
        with suppress(_LeftError):
            await super().Watch(request, _Told(self, context))

    def has_told(self, answer: health_pb2.HealthCheckResponse) -> bool:
        """Say whether this answer is the last one a watcher needs."""
        return self._is_leaving and answer.status == NOT_SERVING


class _LeftError(Exception):
    """The watcher knows that the service is leaving."""


class _Told:
    """The part of a call's context that watching uses."""

    def __init__(self, health: Health, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._health = health
        self._context = context

    async def write(self, answer: health_pb2.HealthCheckResponse) -> None:
        """Send an answer."""
        await self._context.write(answer)
        if self._health.has_told(answer):
            raise _LeftError
