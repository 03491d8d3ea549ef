"""What a caller with grpcio's own client meets: `python -m tests.bench.serving.behaviour`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import grpc
import uvloop
from grpc_status import rpc_status

from idsync.v1 import identity_service_pb2 as pb
from tests.bench.http2 import PREFIX_BYTES
from tests.bench.serving.candidates import CANDIDATES, LeftOutError, Running, family, running
from tests.bench.serving.pressure import IDENTIFY
from tests.bench.workloads import Users

_SERVICE: Final = "/idsync.v1.IdentityService"
_GOOD: Final = Users(1).identify(0)[PREFIX_BYTES:]
_STEADY_S: Final = 0.5


class _Caller:
    """A channel with credentials."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.channel: Any = grpc.aio.insecure_channel(f"{server.host}:{server.port}")

    async def identify(self, request: bytes = _GOOD, *more: tuple[str, str | bytes], **options: Any) -> str:
        """Call, and say what became of it."""
        metadata = (("authorization", self.server.authorization), *more)
        call = self.channel.unary_unary(options.pop("path", IDENTIFY))(request, metadata=metadata, **options)
        try:
            response = await call
        except grpc.aio.AioRpcError as error:
            status = await rpc_status.aio.from_call(call)
            trace = "x-mp-trace-id" in dict(await call.trailing_metadata() or ())
            code = error.code().name + (" with details" if status is not None and status.details else "")
            return code + (" and trace id" if trace else "")
        assert pb.IdentifyResponse.FromString(response).mpid
        return "OK" + (" and trace id" if "x-mp-trace-id" in dict(await call.trailing_metadata()) else "")


async def _given_trace(caller: _Caller) -> str:
    metadata = (("authorization", caller.server.authorization), ("x-mp-trace-id", "0123456789abcdef"))
    call = caller.channel.unary_unary(IDENTIFY)(_GOOD, metadata=metadata)
    await call
    return "kept" if dict(await call.trailing_metadata()).get("x-mp-trace-id") == metadata[1][1] else "lost"


async def _deadline(caller: _Caller) -> str:
    """The server is stopped for longer than the deadline: what is it told when it goes on?"""
    loop = asyncio.get_running_loop()
    for pid in sorted(family(caller.server.pid)):
        os.kill(pid, signal.SIGSTOP)
        loop.call_later(_STEADY_S, os.kill, pid, signal.SIGCONT)
    during = await caller.identify(timeout=0.1)
    return f"{during}, then {await caller.identify(timeout=10.0)}"


async def _parallel(caller: _Caller) -> str:
    answers = await asyncio.gather(*(caller.identify() for _ in range(2_000)))
    return ", ".join(f"{number:,} {what}" for what, number in Counter(answers).most_common())


async def _stream(caller: _Caller) -> str:
    request = pb.StreamResolveRequest(call=pb.ResolveCall(identify=pb.IdentifyRequest.FromString(_GOOD)))
    call = caller.channel.stream_stream(f"{_SERVICE}/StreamResolve")(
        iter([request.SerializeToString()]), metadata=(("authorization", caller.server.authorization),)
    )
    try:
        answers = [pb.StreamResolveResponse.FromString(answer) async for answer in call]
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return f"{len(answers)} answer"


_CHECKS: Final[dict[str, Callable[[_Caller], Awaitable[str]]]] = {
    "a good call": lambda caller: caller.identify(),
    "trace id of the caller": _given_trace,
    "2,000 calls at once": _parallel,
    "a message that is none": lambda caller: caller.identify(b"\xff"),
    "unknown method": lambda caller: caller.identify(path=f"{_SERVICE}/Guess"),
    "binary metadata": lambda caller: caller.identify(_GOOD, ("x-any-bin", bytes(range(256)))),
    "40 KB of metadata": lambda caller: caller.identify(_GOOD, ("x-large", "y" * 40_000)),
    "a message of 300 KB": lambda caller: caller.identify(b"\x22" * 300_000),
    "a message of 5 MB": lambda caller: caller.identify(b"\x22" * 5_000_000),
    "gzip": lambda caller: caller.identify(compression=grpc.Compression.Gzip),
    "deadline passes, then another call": _deadline,
    "StreamResolve": _stream,
}


def main() -> None:
    """Ask everybody everything."""
    sys.stdout.write(f"| | {' | '.join(CANDIDATES)} |\n|---|{'---|' * len(CANDIDATES)}\n")
    columns = uvloop.run(_columns())
    for at, name in enumerate(_CHECKS):
        sys.stdout.write(f"| {name} | {' | '.join(column[at] for column in columns)} |\n")


async def _columns() -> list[list[str]]:
    return [await _column(name) for name in CANDIDATES]


async def _column(name: str) -> list[str]:
    found = []
    with tempfile.TemporaryDirectory(prefix="idsync-behaviour-") as folder:
        try:
            async with running(CANDIDATES[name], Path(folder)) as server:
                for check in _CHECKS.values():
                    # a channel of its own for each, so that none inherits a connection that was closed
                    caller = _Caller(server)
                    found.append(await _outcome(check, caller))
                    await caller.channel.close()
        except LeftOutError:
            return ["left out"] * len(_CHECKS)
    return found


async def _outcome(check: Callable[[_Caller], Awaitable[str]], caller: _Caller) -> str:
    try:
        return await asyncio.wait_for(check(caller), 20.0)
    except (grpc.aio.AioRpcError, TimeoutError, AssertionError) as error:
        return type(error).__name__


if __name__ == "__main__":
    main()
