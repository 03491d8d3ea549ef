"""Where requests enter: a trace id for each answer (ID-235), and what is counted of it."""

from __future__ import annotations

from collections.abc import Mapping
from random import getrandbits
from time import perf_counter

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idsync.gateway.cross_origin import headers_for_pages
from idsync.gateway.exchange import Endpoint
from idsync.gateway.meters import GONE, Meters
from idsync.gateway.tracing import TRACE, Trace

__all__ = ["Observed"]


class Observed:
    """Wraps the whole app, preflights and unknown paths included."""

    def __init__(self, app: ASGIApp, direct: Mapping[str, Endpoint], meters: Meters) -> None:
        """Wrap `app`.

        Args:
            app: What answers.
            direct: What answers a POST to these paths, without a search through the routes of `app`.
            meters: Where answers are counted.
        """
        self._app = app
        self._direct = direct
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer and take note."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s = perf_counter()
        # No secret: it only has to be unlikely to come twice.
        trace = Trace(f"{getrandbits(128):032x}")
        TRACE.set(trace)
        path = scope["path"]
        endpoint = self._direct.get(path) if scope["method"] == "POST" else None
        if endpoint is None:
            await self._search(scope, receive, send, trace, begun_s)
            return
        status = GONE
        try:
            response = await endpoint.answer(scope, receive)
            status = response.status_code
            headers = [*response.raw_headers, *headers_for_pages(scope), *trace.headers()]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": response.body})
        except ClientDisconnect:
            # Nobody is there to be answered; the server needs no telling.
            pass
        finally:
            self._meters.answered(path, status, perf_counter() - begun_s)

    async def _search(self, scope: Scope, receive: Receive, send: Send, trace: Trace, begun_s: float) -> None:
        """Let the routes of the app answer."""
        status = GONE

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *trace.headers()]
            await send(message)

        try:
            await self._app(scope, receive, send_traced)
        except ClientDisconnect:
            pass
        finally:
            # A path may hold a key or an MPID, so a request that met no route has no name of its own.
            route = scope["route"].path_format if "route" in scope else "none"
            self._meters.answered(route, status, perf_counter() - begun_s)
