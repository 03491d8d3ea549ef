"""Cross-origin headers, so that pages of any origin can read every answer, errors included (ID-227).

Only what operators read is for no page of another origin.
"""

from __future__ import annotations

from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["CrossOrigin", "headers_for_pages"]

_EXPOSED: Final = (
    "Retry-After",
    "X-MP-Max-Age",
    "X-MP-Trace-Id",
    "X-mp-rate-limit-exceeded",
    "X-mp-rate-limit-percentage-used",
)
"""Headers that a page may read; without the second, browsers never cache an identity."""

_PREFLIGHT_MAX_AGE_S: Final = 86_400

_FOR_OPERATORS: Final = "/v1/operator/"

_FOR_PAGES: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", ", ".join(_EXPOSED).encode()),
    (b"vary", b"Origin"),
)


def headers_for_pages(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    """Give the headers that let a page read its answer; none for others, and none of what operators read.

    They are what `CrossOrigin` adds to an answer that passes through it.
    """
    for name, _ in scope["headers"]:
        if name == b"origin":
            return () if _FOR_OPERATORS in scope["path"] else _FOR_PAGES
    return ()


class CrossOrigin:
    """Lets every page in: no request uses cookies, the key in it is what counts.

    Pages may add headers of their own, as measuring tools do, so all are allowed. Callers that are no pages
    send no `Origin` and pay nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app
        self._for_pages = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            # a service on the same machine or in the same house, as it is tried out
            allow_private_network=True,
            expose_headers=_EXPOSED,
            max_age=_PREFLIGHT_MAX_AGE_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers if a page asks."""
        if scope["type"] == "http" and headers_for_pages(scope):
            await self._for_pages(scope, receive, send)
        else:
            await self._app(scope, receive, send)
