"""The shop's web server: the page, the published client, where the service is, and what changes there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from idsync.cli.http_server import HttpServer
from idsync.client import AsyncClient
from scripts.demo_shop.changes import server_sent
from scripts.demo_shop.service import Service

__all__ = ["serve_site"]

_STATIC: Final = Path(__file__).with_name("static")
_CONNECTIONS: Final = 100


@asynccontextmanager
async def serve_site(service: Service, sdk: Path, port: int) -> AsyncIterator[str]:
    """Serve the shop on 127.0.0.1 until the block ends; gives HOST:PORT.

    Args:
        service: What the page calls.
        sdk: The folder of the published client's files.
        port: 0 for any.
    """
    ending = asyncio.Event()
    async with AsyncClient.connect(service.grpc, token=service.token) as operator:
        listener = socket.create_server(("127.0.0.1", port))
        server = HttpServer(_app(service, sdk, operator, ending), None, _CONNECTIONS)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.has_started(running)
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ending.set()
            server.should_exit = True
            await running
            listener.close()


def _app(service: Service, sdk: Path, operator: AsyncClient, ending: asyncio.Event) -> Starlette:
    async def settings(_request: Request) -> Response:
        """Say what the page has to know."""
        return JSONResponse({"key": service.key, "service": service.http, "strategy": service.strategy})

    async def changes(request: Request) -> Response:
        """Give the journal, from the entry on that the page saw last."""
        seen = request.headers.get("last-event-id", "0")
        after = int(seen) if seen.isascii() and seen.isdigit() else 0
        return StreamingResponse(
            server_sent(operator, after, ending),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )

    return Starlette(
        routes=[
            Route("/settings.json", settings),
            Route("/changes", changes),
            Mount("/sdk", StaticFiles(directory=sdk)),
            Mount("/", StaticFiles(directory=_STATIC, html=True)),
        ]
    )
