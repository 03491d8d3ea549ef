"""Prototype: a lean port of our own for unary calls, HTTP/2 on `asyncio.Protocol`, most without a task.

It keeps flow control, deadlines, cancellation and the limits below. Lacks streams, compression, keepalive,
GOAWAY with a grace, a time limit for the preface and for slow senders, priorities (which nobody needs), TLS
(`ssl=` of asyncio with ALPN `h2` would do), health and reflection, and years of other people's fuzzing.
RFC 9113.
"""

from __future__ import annotations

import asyncio
from asyncio import Task, TimerHandle
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

from grpc_status import rpc_status

from idsync.model.errors import IdsyncError
from idsync.server.call import Call
from idsync.server.wire.status import to_status
from tests.bench.serving.eager import resumed
from tests.bench.serving.host import MAX_MESSAGE_BYTES, Hosted, main
from tests.bench.serving.lean_frames import Frames
from tests.bench.serving.lean_headers import RESPONSE_HEADERS, Request, trailers

__all__: list[str] = []

_CANCELLED, _DEADLINE_EXCEEDED, _RESOURCE_EXHAUSTED, _UNIMPLEMENTED, _INTERNAL = 1, 4, 8, 12, 13
_PREFIX = 5


class _Connection(Frames):
    """The calls of one connection."""

    def __init__(self, service: Hosted) -> None:
        super().__init__(MAX_MESSAGE_BYTES + _PREFIX)
        self._methods = service.methods
        self._tasks: dict[int, Task[None]] = {}

    def begin(self, stream: int, request: Request, message: bytes) -> None:
        """Answer a call: at once if it need not wait, else in a task."""
        method = self._methods.get(request.path)
        if method is None or method.client_streaming or method.server_streaming:
            self._end(stream, _UNIMPLEMENTED, "no such method")
            return
        if len(message) < _PREFIX or int.from_bytes(message[1:_PREFIX], "big") != len(message) - _PREFIX:
            self._end(stream, _INTERNAL, "this is not one message")
            return
        if message[0]:
            self._end(stream, _UNIMPLEMENTED, "compression is not supported")
            return
        call = Call(request.metadata)
        answering = method.answer_bytes(message[_PREFIX:], call)
        try:
            awaited = answering.send(None)
        except StopIteration as end:
            self._answer(stream, end.value, call)
        except IdsyncError as error:
            self._refuse(stream, error, call)
        else:
            loop = asyncio.get_running_loop()
            later = self._later(stream, answering, awaited, call, request.timeout_s)
            self._tasks[stream] = loop.create_task(later)

    async def _later(
        self,
        stream: int,
        answering: Coroutine[Any, Any, bytes],
        awaited: Any,
        call: Call,
        timeout_s: float | None,
    ) -> None:
        timer: TimerHandle | None = None
        if timeout_s is not None:
            timer = asyncio.get_running_loop().call_later(timeout_s, self._too_late, stream)
        try:
            response = await resumed(answering, awaited)
        except IdsyncError as error:
            self._refuse(stream, error, call)
        else:
            self._answer(stream, response, call)
        finally:
            if timer is not None:
                timer.cancel()
            self._tasks.pop(stream, None)
        self.flush_soon()

    def _too_late(self, stream: int) -> None:
        self._end(stream, _DEADLINE_EXCEEDED, "the answer did not come in time")
        self.cancel(stream)
        self.flush_soon()

    def cancel(self, stream: int) -> None:
        """End the work for a call that nobody waits for any more."""
        task = self._tasks.pop(stream, None)
        if task is not None:
            task.cancel()

    def too_large(self, stream: int) -> None:
        """Refuse a message before it is read."""
        self._end(stream, _RESOURCE_EXHAUSTED, "the message is too large")

    def _answer(self, stream: int, response: bytes, call: Call) -> None:
        framed = b"\0" + len(response).to_bytes(4, "big") + response
        self.respond(stream, RESPONSE_HEADERS, framed, trailers(0, "", call.trailing()))

    def _refuse(self, stream: int, error: IdsyncError, call: Call) -> None:
        status = rpc_status.to_status(to_status(error))
        trailing = (*status.trailing_metadata, *call.trailing())
        self._end(stream, status.code.value[0], status.details, trailing)

    def _end(
        self, stream: int, code: int, text: str, trailing: tuple[tuple[str, str | bytes], ...] = ()
    ) -> None:
        self.respond(stream, RESPONSE_HEADERS + trailers(code, text, trailing), b"", b"")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        for stream in list(self._tasks):
            self.cancel(stream)


@asynccontextmanager
async def _lean(service: Hosted) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(service), "127.0.0.1", 0)
    port = cast("tuple[str, int]", server.sockets[0].getsockname())[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.close()


if __name__ == "__main__":
    main(_lean)
