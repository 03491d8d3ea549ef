"""The yardstick for HTTP: one Starlette route under uvicorn that answers an identify without resolving it.

Frozen: `python -m tests.bench` compares its SHA-256 before it measures, because a ratio to it means something
only while it stays the same. One process, uvloop and httptools, no middleware, no credentials, no log.
"""

from __future__ import annotations

import socket
import sys

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MPID = "4503599627370497123"


async def identify(request: Request) -> Response:
    """Answer as if all that was sent had matched one profile."""
    sent = orjson.loads(await request.body())
    answer = {
        "context": None,
        "mpid": MPID,
        "matched_identities": sent["known_identities"],
        "is_ephemeral": False,
        "is_logged_in": True,
    }
    return Response(orjson.dumps(answer), media_type="application/json")


def main() -> None:
    """Listen on a free port, say which, and stop at SIGTERM."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    app = Starlette(routes=[Route("/v1/identify", identify, methods=["POST"])])
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", log_config=None, access_log=False, lifespan="off"
    )
    sys.stdout.write(f"ready http=127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
