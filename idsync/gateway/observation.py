"""A trace id for each answer (ID-235), and what is counted of it. No key and no identity becomes a label."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from secrets import token_hex
from time import perf_counter
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idsync.gateway.tracing import TRACE, Trace

__all__ = ["Observed"]

_BUCKETS_S: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_GONE: Final = "gone"
"""Stands for the status where the caller went away before there was one."""


def _headers(trace: Trace) -> Iterator[tuple[bytes, bytes]]:
    yield b"x-mp-trace-id", trace.id.encode()
    if trace.used_percent:
        yield b"x-mp-rate-limit-percentage-used", trace.used_percent.encode()


class _Meter(NamedTuple):
    """The metrics of one route and status."""

    increase: Callable[[], None]
    observe: Callable[[float], None]


class Observed:
    """Wraps the whole app, preflights and unknown paths included."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        """Wrap `app` and register the metrics.

        Args:
            app: What answers.
            registry: Where the metrics are registered; one gateway a registry.
        """
        self._app = app
        self._answers = Counter(
            "idsync_http_requests",
            "HTTP requests answered, preflights included.",
            ("route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "idsync_http_request_seconds",
            "Time from a request's arrival to the end of its answer.",
            ("route",),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._meters: dict[tuple[str, str], _Meter] = {}

    def _meter(self, route: str, status: str) -> _Meter:
        meter = self._meters.get((route, status))
        if meter is None:
            # Looking a label up costs more than counting does.
            meter = _Meter(self._answers.labels(route, status).inc, self._seconds.labels(route).observe)
            self._meters[route, status] = meter
        return meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer and take note."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = Trace(token_hex(16))
        TRACE.set(trace)
        status = _GONE
        begun_s = perf_counter()

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                message["headers"] = [*message["headers"], *_headers(trace)]
            await send(message)

        try:
            await self._app(scope, receive, send_traced)
        except ClientDisconnect:
            # Nobody is there to be answered; the server needs no telling.
            pass
        finally:
            # A path may hold a key or an MPID, so a request that met no route has no name of its own.
            route = scope["route"].path_format if "route" in scope else "none"
            meter = self._meter(route, status)
            meter.increase()
            meter.observe(perf_counter() - begun_s)
