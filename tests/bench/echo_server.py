"""The yardstick: answers the messages of our service as grpc.aio can at best, without resolving anything.

Frozen: `python -m tests.bench` compares its SHA-256 before it measures, because a ratio to it means something
only while it stays the same. One process, uvloop, no interceptor, no credentials, no log.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import grpc
import uvloop

from idsync.v1 import identity_service_pb2 as pb

MPID = 4_503_599_627_370_497_123


async def identify(request: pb.IdentifyRequest, _: object) -> pb.IdentifyResponse:
    """Answer as if all that was sent had matched one profile."""
    return pb.IdentifyResponse(mpid=MPID, matched_identities=request.known_identities, is_logged_in=True)


async def batch_resolve(request: pb.BatchResolveRequest, _: object) -> pb.BatchResolveResponse:
    """Answer each identify of the batch in the same way."""
    response = pb.BatchResolveResponse()
    for call in request.calls:
        answer = response.results.add().identify
        answer.mpid = MPID
        answer.matched_identities.extend(call.identify.known_identities)
        answer.is_logged_in = True
    return response


async def serve() -> None:
    """Listen on a free port, say which, and stop at SIGTERM."""
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Identify": grpc.unary_unary_rpc_method_handler(
            identify, pb.IdentifyRequest.FromString, pb.IdentifyResponse.SerializeToString
        ),
        "BatchResolve": grpc.unary_unary_rpc_method_handler(
            batch_resolve, pb.BatchResolveRequest.FromString, pb.BatchResolveResponse.SerializeToString
        ),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("idsync.v1.IdentityService", handlers)]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sys.stdout.write(f"ready grpc=127.0.0.1:{port}\n")
    sys.stdout.flush()
    await stop.wait()
    await server.stop(grace=None)


if __name__ == "__main__":
    uvloop.run(serve())
