"""How a call is made, whichever it is: credentials, deadline, and repetition where it is safe."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Final, TypeVar, cast

from google.protobuf.message import Message

from idsync.client.credentials import Credentials
from idsync.client.retry_policy import RetryPolicy
from idsync.client.rpcs import RPCS_BY_RESPONSE, is_safe_to_retry
from idsync.client.transport import Transport
from idsync.model.errors import UnavailableError

__all__ = ["TIMEOUT_S", "Caller"]

TIMEOUT_S: Final = 60.0
"""Seconds for a call where nobody says otherwise: the loss of a leader, 20 s and more, fits in."""

A = TypeVar("A", bound=Message)


class Caller:
    """Sends requests over a transport; an rpc is named by the class of its response."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials | None,
        timeout_s: float | None,
        retry: RetryPolicy,
    ) -> None:
        """Take what holds for every call that does not say otherwise.

        Args:
            transport: What carries the calls.
            credentials: Who calls.
            timeout_s: Seconds for a whole call, attempts and waits together; `None` for any time.
            retry: How patient to be while the service is not available.
        """
        self._transport = transport
        self._metadata = () if credentials is None else credentials.metadata()
        self._timeout_s = timeout_s
        self._retry = retry

    async def call(
        self, answer: type[A], request: Message, credentials: Credentials | None, timeout_s: float | None
    ) -> A:
        """Make one unary call.

        Args:
            answer: The class of the response.
            request: The request of the same rpc.
            credentials: In place of the usual ones, unless `None`.
            timeout_s: In place of the usual time, unless `None`.

        Raises:
            IdsyncError: What the service answered, or why it could not.
            TypeError: The request belongs to another rpc; many look alike on the wire, and a login sent as
                an identify would be answered.
        """
        rpc = RPCS_BY_RESPONSE[answer]
        if type(request) is not rpc.request_type:
            raise TypeError(f"{rpc.name} takes a {rpc.request_type.__name__}, not a {type(request).__name__}")
        metadata = self._metadata if credentials is None else credentials.metadata()
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        deadline_s = None if limit_s is None else self._retry.clock() + limit_s

        try:
            return cast("A", await self._transport.call(rpc, request, metadata, limit_s))
        except UnavailableError as error:
            if not is_safe_to_retry(rpc, request):
                raise
            failure = error

        async def send(left_s: float | None) -> A:
            return cast("A", await self._transport.call(rpc, request, metadata, left_s))

        return await self._retry.repeat(failure, send, deadline_s)

    def stream(
        self, answer: type[A], requests: AsyncIterable[Message], credentials: Credentials | None
    ) -> AsyncIterator[A]:
        """Open a stream, which has no deadline and is never opened again by itself.

        Args:
            answer: The class of the responses.
            requests: What to send.
            credentials: In place of the usual ones, unless `None`.

        Returns:
            The responses as they come; iterating raises `IdsyncError`.
        """
        metadata = self._metadata if credentials is None else credentials.metadata()
        return cast("AsyncIterator[A]", self._transport.stream(RPCS_BY_RESPONSE[answer], requests, metadata))
