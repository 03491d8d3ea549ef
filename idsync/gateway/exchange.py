"""One request and its answer: admission in the order of ID-040, and no way out but an answer."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from idsync.client import Credentials
from idsync.gateway.bodies import request_id_of
from idsync.gateway.credentials import Claim
from idsync.gateway.payload import parse_object, read_text
from idsync.gateway.tracing import TRACE
from idsync.model.errors import IdsyncError, InvalidRequestError

__all__ = ["Arrival", "Endpoint", "Refuse", "Verify"]

M = TypeVar("M")

Verify: TypeAlias = Callable[[Credentials], Awaitable[None]]
"""Asks the service whether the caller may call at all; raises what stands in the way."""

_log = structlog.get_logger("idsync.gateway")


class Arrival:
    """A request on its way in.

    Attributes:
        scope: The ASGI scope.
        text: The body before any compression; empty until it was read.
    """

    __slots__ = ("_receive", "scope", "text")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.text = b""
        self._receive = receive

    async def admit(
        self, parse: Callable[[bytes, Credentials], M], verify: Verify, path_key: str | None = None
    ) -> tuple[M, Credentials]:
        """Read and parse the request, and say whose it is.

        Authentication comes before validation (ID-233): a request that is at fault is shown to the service
        as well, so that the caller who may not call hears that first. Only a signed body that cannot be
        read is reported as such at once, since no signature can be checked without it.

        Args:
            parse: Makes the message of the text of the body, to be sent with these credentials.
            verify: Asks the service about the caller.
            path_key: The key in the path, where the path has one.

        Returns:
            The message and the credentials to send it with.

        Raises:
            IdsyncError: The first thing in the way.
        """
        headers = self.scope["headers"]
        claim = Claim.of(headers, path_key)
        try:
            self.text = await read_text(headers, self._receive)
        except InvalidRequestError:
            if claim.unsigned is not None:
                await verify(claim.unsigned)
            raise
        credentials = claim.credentials(self.scope, self.text)
        if claim.besides is not None:
            await verify(claim.besides)
        try:
            return parse(self.text, credentials), credentials
        except InvalidRequestError:
            await verify(credentials)
            raise

    @property
    def request_id(self) -> str:
        """The caller's word for the request if it can be read, else our trace id."""
        try:
            return request_id_of(parse_object(self.text)) or TRACE.get().id
        except InvalidRequestError:
            return TRACE.get().id


Refuse: TypeAlias = Callable[[IdsyncError, Arrival], Response]
"""Writes an error the way the clients of an endpoint read it."""


class Endpoint:
    """An ASGI endpoint around a call that may fail."""

    def __init__(self, call: Callable[[Arrival], Awaitable[Response]], refuse: Refuse) -> None:
        """Build it.

        Args:
            call: Answers a request, or raises `IdsyncError`.
            refuse: Writes the error.
        """
        self._call = call
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever happens; only a caller who went away gets none."""
        response = await self.answer(scope, receive)
        await response(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive) -> Response:
        """Give the answer, whatever happens.

        Raises:
            ClientDisconnect: The caller went away.
        """
        arrival = Arrival(scope, receive)
        try:
            return await self._call(arrival)
        except IdsyncError as error:
            return self._refuse(error, arrival)
        except ClientDisconnect:
            raise
        except Exception as error:
            _log.error("http_failed", trace_id=TRACE.get().id, error=type(error).__name__, at=_places(error))
            return self._refuse(IdsyncError("internal error"), arrival)


def _places(error: Exception) -> list[str]:
    # The text of a foreign error may quote an identity value; where it happened cannot.
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
