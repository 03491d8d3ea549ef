"""Prototype: `pygrpc_native.aio.server`, which takes the place of `grpc.aio.server`.

HTTP/2 and gRPC run in Rust. Lacks streams: those of one direction would be served natively, those of both by
a grpcio server of its own behind it. Lacks TLS, as the package does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import grpc
from grpc_status import rpc_status

from idsync.model.errors import IdsyncError
from idsync.server.call import Call
from idsync.server.method import Method
from idsync.server.wire.status import to_status
from tests.bench.serving.host import MAX_MESSAGE_BYTES, Hosted, main

__all__: list[str] = []


def _unary(method: Method) -> Callable[[bytes, Any], Awaitable[bytes]]:
    async def answer(request: bytes, context: Any) -> bytes:
        call = Call(context.invocation_metadata())
        try:
            response = await method.answer_bytes(request, call)
        except IdsyncError as error:
            status = rpc_status.to_status(to_status(error))
            await context.abort(status.code, status.details, (*status.trailing_metadata, *call.trailing()))
        context.set_trailing_metadata(call.trailing())
        return response

    return answer


@asynccontextmanager
async def _native(service: Hosted) -> AsyncIterator[str]:
    options = (
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_metadata_size", 1024 * 1024),
        ("grpc.absolute_max_metadata_size", 1024 * 1024),
    )
    server = import_module("pygrpc_native.aio").server(options=options)
    for method in service.methods.values():
        if not (method.client_streaming or method.server_streaming):
            handler: Any = grpc.unary_unary_rpc_method_handler(_unary(method))
            server.add_registered_method_handlers(method.service, {method.name: handler})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


if __name__ == "__main__":
    main(_native)
