"""Prototype: the threaded `grpc.server`, whose threads hand each call to the loop and wait for it.

Our core belongs to one loop, so threads gain it nothing. Lacks streams, though `grpc.server` has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, cast

import grpc
from grpc_status import rpc_status

from idsync.model.errors import IdsyncError
from idsync.server.admission.credentials import Metadata
from idsync.server.call import Call
from idsync.server.method import Method
from idsync.server.wire.status import to_status
from tests.bench.serving.host import MAX_MESSAGE_BYTES, Hosted, main

__all__: list[str] = []

_THREADS: Final = 16
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", 1024 * 1024),
    ("grpc.absolute_max_metadata_size", 1024 * 1024),
)


def _forget(running: Future[bytes]) -> None:
    """Stop answering a caller who has gone; of a call that is answered, nothing."""
    running.cancel()


class _ByPath(grpc.GenericRpcHandler):
    def __init__(self, methods: Mapping[str, Method], loop: asyncio.AbstractEventLoop) -> None:
        self._methods = methods
        self._loop = loop

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = self._methods.get(details.method)
        if method is None or method.client_streaming or method.server_streaming:
            return None
        metadata = cast("Metadata", details.invocation_metadata)

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            call = Call(metadata)
            running = asyncio.run_coroutine_threadsafe(method.answer_bytes(request, call), self._loop)
            context.add_callback(partial(_forget, running))
            try:
                response = running.result()
            except IdsyncError as error:
                status = rpc_status.to_status(to_status(error))
                context.set_trailing_metadata((*status.trailing_metadata, *call.trailing()))
                context.abort(status.code, status.details)
            except CancelledError:
                context.abort(grpc.StatusCode.CANCELLED, "the caller has gone")
            context.set_trailing_metadata(call.trailing())
            return response

        return grpc.unary_unary_rpc_method_handler(answer)


@asynccontextmanager
async def _threaded(service: Hosted) -> AsyncIterator[str]:
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_OPTIONS)
    server.add_generic_rpc_handlers((_ByPath(service.methods, asyncio.get_running_loop()),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(server.stop(None).wait)


if __name__ == "__main__":
    main(_threaded)
