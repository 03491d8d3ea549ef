"""Prototype: pyvoy, which is Envoy with our methods as an ASGI application in a Python inside it.

Run as a program it starts Envoy, which imports `app` from here. Lacks streams (ASGI would carry them), TLS
(Envoy has it), compression, and deadlines: Envoy hands `grpc-timeout` through, and nobody keeps it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from struct import pack, unpack_from
from typing import Any, Final
from urllib.parse import quote

from grpc_status import rpc_status

from idsync.model.errors import IdsyncError
from idsync.server.call import Call
from idsync.server.wire.status import to_status
from tests.bench.serving.host import MAX_MESSAGE_BYTES, Hosted, hosted

__all__ = ["app"]

_FOLDER: Final = "IDSYNC_BENCH_FOLDER"
_PYTHON: Final = "IDSYNC_BENCH_PYTHON"
_PREFIX: Final = 5

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _Application:
    """gRPC as an ASGI application."""

    _service: Hosted

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        # here it is Envoy, and the store starts a Python
        sys.executable = os.environ[_PYTHON]
        async with AsyncExitStack() as stack:
            await receive()
            self._service = await stack.enter_async_context(hosted(Path(os.environ[_FOLDER])))
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more and len(body) <= MAX_MESSAGE_BYTES + _PREFIX:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            body += event.get("body", b"")
            more = event.get("more_body", False)
        method = self._service.methods.get(scope["path"])
        if method is None or method.client_streaming or method.server_streaming:
            await _fail(send, 12, "no such method")
        elif len(body) > MAX_MESSAGE_BYTES + _PREFIX:
            await _fail(send, 8, "the message is too large")
        elif len(body) < _PREFIX or unpack_from(">BI", body) != (0, len(body) - _PREFIX):
            await _fail(send, 12, "this is not one uncompressed message")
        else:
            call = Call([_metadatum(name.decode(), value) for name, value in scope["headers"]])
            try:
                response = await method.answer_bytes(body[_PREFIX:], call)
            except IdsyncError as error:
                status = rpc_status.to_status(to_status(error))
                trailing = (*status.trailing_metadata, *call.trailing())
                await _fail(send, status.code.value[0], status.details, trailing)
            else:
                await _start(send)
                framed = pack(">BI", 0, len(response)) + response
                await send({"type": "http.response.body", "body": framed, "more_body": False})
                await _trailers(send, [("grpc-status", "0"), *call.trailing()])


def _metadatum(name: str, value: bytes) -> tuple[str, str | bytes]:
    if name.endswith("-bin"):
        return name, base64.b64decode(value + b"==")
    return name, value.decode("latin-1")


async def _start(send: Send) -> None:
    headers = [(b"content-type", b"application/grpc")]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})


async def _trailers(send: Send, trailing: list[tuple[str, str | bytes]]) -> None:
    headers = [
        (name.encode(), value.encode() if isinstance(value, str) else base64.b64encode(value).rstrip(b"="))
        for name, value in trailing
    ]
    await send({"type": "http.response.trailers", "headers": headers})


async def _fail(send: Send, code: int, text: str, trailing: tuple[tuple[str, str | bytes], ...] = ()) -> None:
    await _start(send)
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    await _trailers(send, [("grpc-status", str(code)), ("grpc-message", quote(text, safe=" ")), *trailing])


app = _Application()


async def _run(folder: str) -> None:
    environment = {_FOLDER: folder, _PYTHON: sys.executable}
    server = import_module("pyvoy").PyvoyServer(
        "tests.bench.serving.envoy:app", lifespan=True, env=environment, stdout=sys.stderr, stderr=sys.stderr
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with server:
        sys.stdout.write(f"ready grpc={server.listener_address}:{server.listener_port}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1]))
