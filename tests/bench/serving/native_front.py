"""Prototype: `pygrpc_native.NativeGrpcFront`, the layer below its servers: calls come and go as events.

A thread takes them in batches to the loop. Lacks streams (those of one direction would be possible) and TLS,
as the package does.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import AbstractEventLoop, Task
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, Final

from grpc_status import rpc_status

from idsync.model.errors import IdsyncError
from idsync.server.call import Call
from idsync.server.wire.status import to_status
from tests.bench.serving.eager import resumed
from tests.bench.serving.host import MAX_MESSAGE_BYTES, Hosted, main

__all__: list[str] = []

_AT_ONCE: Final = 64


class _Front:
    def __init__(self, service: Hosted, loop: AbstractEventLoop) -> None:
        package = import_module("pygrpc_native")
        methods = service.methods.values()
        self._methods = [m for m in methods if not (m.client_streaming or m.server_streaming)]
        paths = [(method.path, False) for method in self._methods]
        self._front = package.NativeGrpcFront(
            "127.0.0.1:0", paths, call_details=True, max_metadata_size=1024 * 1024
        )
        self._call: Final = package.EVENT_CALL
        self._loop = loop
        self._tasks: dict[int, Task[None]] = {}

    def start(self) -> int:
        self._front.start()
        threading.Thread(target=self._receive, daemon=True).start()
        port: int = self._front.bound_port
        return port

    def close(self) -> None:
        self._front.close()

    def _receive(self) -> None:
        while (events := self._front.recv_batch_details(_AT_ONCE)) is not None:
            self._loop.call_soon_threadsafe(self._take, events)

    def _take(self, events: list[tuple[Any, ...]]) -> None:
        for kind, number, method, request, _, details in events:
            if kind == self._call:
                self._begin(number, method, request, details[0])
            elif (task := self._tasks.get(number)) is not None:
                task.cancel()

    def _begin(self, number: int, method: int, request: bytes, metadata: Any) -> None:
        call = Call(metadata)
        if len(request) > MAX_MESSAGE_BYTES:
            self._front.fail(number, 8, "the message is too large")
            return
        answering = self._methods[method].answer_bytes(request, call)
        try:
            awaited = answering.send(None)
        except StopIteration as end:
            self._front.respond(number, end.value, trailing_metadata=call.trailing())
        except IdsyncError as error:
            self._refuse(number, error, call)
        else:
            task = self._loop.create_task(self._later(number, answering, awaited, call))
            self._tasks[number] = task

    async def _later(
        self, number: int, answering: Coroutine[Any, Any, bytes], awaited: Any, call: Call
    ) -> None:
        try:
            response = await resumed(answering, awaited)
        except IdsyncError as error:
            self._refuse(number, error, call)
        else:
            self._front.respond(number, response, trailing_metadata=call.trailing())
        finally:
            del self._tasks[number]

    def _refuse(self, number: int, error: IdsyncError, call: Call) -> None:
        status = rpc_status.to_status(to_status(error))
        trailing = [*status.trailing_metadata, *call.trailing()]
        self._front.fail(number, status.code.value[0], status.details, trailing_metadata=trailing)


@asynccontextmanager
async def _native_front(service: Hosted) -> AsyncIterator[str]:
    front = _Front(service, asyncio.get_running_loop())
    port = front.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(front.close)


if __name__ == "__main__":
    main(_native_front)
