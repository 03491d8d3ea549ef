"""The wire: wrapped methods as handlers of a `grpc.aio` server.

Requests come as bytes and are parsed inside the wrapper: grpc would answer garbage with an error of its own,
and would parse before anybody is asked for credentials.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Final, NoReturn, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from grpc_status import rpc_status

from idsync.config.configuration import Limits, Tls
from idsync.model.errors import ConfigurationError, DeadlineExceededError, IdsyncError
from idsync.server.admission.credentials import Metadata
from idsync.server.call import Call
from idsync.server.transport.answering import Served
from idsync.server.transport.health import Health
from idsync.server.wire.status import to_status

__all__ = ["GrpcServer"]

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.max_send_message_length", -1),
    # A signed request brings the text it was signed over, once or twice (ID-224, ID-242).
    ("grpc.max_metadata_size", 1024 * 1024),
    ("grpc.absolute_max_metadata_size", 1024 * 1024),
    # A peer that is gone without a word keeps its connection, and the calls on it, for no longer than this.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class GrpcServer:
    """A server with health and reflection, both open to everybody.

    Args:
        methods: What it serves.
        limits: Bounds of what waits before any of our code sees it.
        shares_port: Whether other processes may listen on its port; otherwise a second service there fails,
            instead of sharing its calls.
    """

    def __init__(self, methods: Iterable[Served], limits: Limits, *, shares_port: bool = False) -> None:
        options = (*_OPTIONS, *_bounds(limits), ("grpc.so_reuseport", int(shares_port)))
        self._server = grpc.aio.server(options=options)
        self._health = Health()
        handlers = {method.path: _handler(method) for method in methods}
        self._services = tuple(dict.fromkeys(path.split("/")[1] for path in handlers))
        self._server.add_generic_rpc_handlers((_ByPath(handlers),))
        others = _OnlyByName(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, others)
        shown = [*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            reflection.aio.ReflectionServicer(shown), others
        )

    async def start(self, address: str, tls: Tls | None) -> str:
        """Listen, and say where.

        Args:
            address: HOST:PORT; with port 0 the system chooses.
            tls: `None`: nothing is encrypted.

        Returns:
            HOST:PORT as it is.

        Raises:
            ConfigurationError: Nobody can listen there, or the certificate cannot be used.
        """
        try:
            if tls is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, _secrecy(tls))
        except RuntimeError as error:
            raise ConfigurationError(f"cannot listen on {address}") from error
        await self._server.start()
        for service in ("", *self._services):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return f"{address.rpartition(':')[0]}:{port}"

    async def leave(self) -> None:
        """Tell those who watch the health that no more calls should come."""
        await self._health.leave()

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and give those under way some time, in seconds."""
        await self._server.stop(grace_s)


class _ByPath(grpc.GenericRpcHandler):
    """Finds the handler of a call, which keeps the metadata: grpc makes them anew whenever it is asked."""

    def __init__(self, handlers: Mapping[str, Callable[[Metadata], _Handler]]) -> None:
        self._handlers = handlers

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Give the handler of a path; `None`: there is no such rpc."""
        handler = self._handlers.get(handler_call_details.method)
        # The stubs call it a mapping; what comes is a tuple of pairs.
        metadata = cast("Metadata", handler_call_details.invocation_metadata)
        return None if handler is None else cast("grpc.RpcMethodHandler[Any, Any]", handler(metadata))


class _OnlyByName:
    """Takes the handlers of generated code, but registers no methods.

    For each registered method `grpc.aio` keeps a task that waits for its next call, and looks at all of these
    tasks whenever one call comes: with 25 methods that costs as much as the rest of the call.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self.add_generic_rpc_handlers = server.add_generic_rpc_handlers

    def add_registered_method_handlers(self, service_name: str, method_handlers: object) -> None:
        """Leave it: they are found by name."""


def _bounds(limits: Limits) -> Iterable[tuple[str, int]]:
    """Give the options that bound what waits before any of our code sees it.

    What is too much for one connection its client keeps waiting, at no cost to us. What many connections
    bring together waits in the core, which refuses beyond a limit: by a status of its own, but for a fifth of
    what a refusal of ours would cost.
    """
    return (
        ("grpc.max_concurrent_streams", limits.calls_per_connection),
        # Else it refuses some of what well-behaved clients send when they come close to the limit.
        ("grpc.http.overload_protection", 0),
        ("grpc.max_allowed_incoming_connections", limits.connections),
        ("grpc.server.max_pending_requests", limits.calls_under_way),
        ("grpc.server.max_pending_requests_hard_limit", 2 * limits.calls_under_way),
    )


def _secrecy(tls: Tls) -> grpc.ServerCredentials:
    try:
        pair = (tls.key_file.read_bytes(), tls.certificate_file.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"the certificate or its key cannot be read: {error.strerror}") from error
    return grpc.ssl_server_credentials([pair])


class _Handler:
    """One call on its way to its method, in the shape that grpc takes; messages are bytes on either side."""

    request_deserializer = None
    response_serializer: Any = None
    request_streaming = False
    response_streaming = False
    unary_unary: Any = None
    unary_stream: Any = None
    stream_stream: Any = None

    def __init__(self, method: Served, metadata: Metadata) -> None:
        self.method = method
        self.metadata = metadata


class _Unary(_Handler):
    async def unary_unary(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        call = Call(self.metadata)
        try:
            _require_time(context)
            response = await self.method.answer_bytes(request, call)
        except IdsyncError as error:
            await _abort(context, error, call)
        context.set_trailing_metadata(call.trailing())
        return response


class _Streaming(_Handler):
    response_streaming = True

    async def unary_stream(
        self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncGenerator[bytes, None]:
        async with aclosing(_answers(self, _one(request), context)) as responses:
            async for response in responses:
                yield response


class _Bidirectional(_Handler):
    request_streaming = True
    response_streaming = True

    async def stream_stream(
        self, requests: AsyncIterable[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> AsyncGenerator[bytes, None]:
        async with aclosing(_answers(self, requests, context)) as responses:
            async for response in responses:
                yield response


def _handler(method: Served) -> Callable[[Metadata], _Handler]:
    if method.client_streaming:
        return partial(_Bidirectional, method)
    return partial(_Streaming if method.server_streaming else _Unary, method)


async def _one(request: bytes) -> AsyncGenerator[bytes, None]:
    yield request


async def _answers(
    handler: _Handler, requests: AsyncIterable[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
) -> AsyncGenerator[bytes, None]:
    call = Call(handler.metadata)
    try:
        _require_time(context)
        async with aclosing(handler.method.answers(requests, call)) as responses:
            async for response in responses:
                yield response.SerializeToString()
    except IdsyncError as error:
        await _abort(context, error, call)
    context.set_trailing_metadata(call.trailing())


def _require_time(context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
    """Drop a call that waited until its time was up: grpc cancels it, but perhaps only after we decided.

    Raises:
        DeadlineExceededError: Nobody waits for the answer any more.
    """
    left_s = context.time_remaining()
    if left_s is not None and left_s <= 0:
        raise DeadlineExceededError(
            "the time of the call was up before it was looked at; nothing was changed"
        )


async def _abort(context: grpc.aio.ServicerContext[bytes, bytes], error: IdsyncError, call: Call) -> NoReturn:
    status = rpc_status.to_status(to_status(error))
    await context.abort(status.code, status.details, (*status.trailing_metadata, *call.trailing()))
