"""A finished JSON body on its way out."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

__all__ = ["JsonResponse"]


class JsonResponse(Response):
    """Answers with JSON that is bytes already.

    Does not use the constructor of `Response`: encoding the same headers for every answer takes as long as
    reading the whole request.
    """

    def __init__(self, body: bytes, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Build it.

        Args:
            body: The JSON text.
            status: The HTTP status.
            headers: More headers, names in lower case.
        """
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *headers,
        ]
