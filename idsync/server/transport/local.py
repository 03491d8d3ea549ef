"""Calls within the process: the same methods as on the wire, without the wire.

It has the shape of `idsync.client.Transport`; whoever calls through it shows the same credentials and gets
the same errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import Protocol

from google.protobuf.message import Message

from idsync.model.errors import DeadlineExceededError, UnavailableError
from idsync.model.wording import Wording
from idsync.server.admission.credentials import Metadata
from idsync.server.call import Call
from idsync.server.transport.answering import Answerable
from idsync.server.transport.deadlines import Deadlines

__all__ = ["LocalTransport"]


class Named(Protocol):
    """What is read of an rpc: where it goes."""

    @property
    def path(self) -> str:
        """As on the wire, e.g. `/idsync.v1.IdentityService/Identify`."""
        ...


class LocalTransport:
    """Carries calls to the methods of this process, or to those that a front relays."""

    def __init__(self, methods: Iterable[Answerable]) -> None:
        self._methods = {method.path: method for method in methods}
        self._under_way = Deadlines()
        self._closed = False

    async def call(
        self,
        rpc: Named,
        request: Message,
        metadata: Metadata,
        timeout_s: float | None,
        trailing: list[tuple[str, str | bytes]] | None = None,
        wording: Wording | None = None,
    ) -> Message:
        """Send one request and wait for its response, `timeout_s` seconds at most.

        What comes beside the response is added to `trailing`. Under its `wording` the answer can be recalled.

        Raises:
            IdsyncError: What the service answers.
            DeadlineExceededError: The time is up; whether anything was changed is not known.
            UnavailableError: The transport is closed.
        """
        self._check_open()
        method = self._methods[rpc.path]
        call = Call(metadata)
        call.received = wording
        try:
            async with asyncio.timeout(None) as limit:
                self._under_way.begin(limit, timeout_s)
                try:
                    response: Message = await method.answer(request, call)
                finally:
                    self._under_way.end(limit)
        except TimeoutError:
            self._check_open()
            raise DeadlineExceededError("the answer did not come in time") from None
        if trailing is not None:
            trailing.extend(call.trailing())
        return response

    def recall(
        self, rpc: Named, wording: Wording, metadata: Metadata, trailing: list[tuple[str, str | bytes]]
    ) -> bytes | None:
        """Answer a request at once that came before in the same words.

        Args:
            rpc: Where it goes.
            wording: As it was given to `call`.
            metadata: Credentials and the like.
            trailing: Takes what comes beside the answer.

        Returns:
            What the wording made of the response; `None`: the request must be sent in full, be it only to
            hear why it is refused.
        """
        if self._closed:
            return None
        call = Call(metadata)
        answer = self._methods[rpc.path].recall(wording, call)
        if answer is not None:
            trailing.extend(call.trailing())
        return answer

    async def stream(
        self, rpc: Named, requests: AsyncIterable[Message], metadata: Metadata
    ) -> AsyncGenerator[Message, None]:
        """Open a stream; closing the iterator ends the call.

        Raises:
            IdsyncError: What the service answers; or `UnavailableError`: the transport is closed.
            Exception: Whatever `requests` raises.
        """
        self._check_open()
        sending = _Sending(requests)
        answers = self._methods[rpc.path].answers(sending.messages(), Call(metadata))
        async with aclosing(answers):
            while True:
                try:
                    async with asyncio.timeout(None) as limit:
                        self._under_way.begin(limit, None)
                        try:
                            response = await anext(answers)
                        finally:
                            self._under_way.end(limit)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    self._check_open()
                    raise
                except Exception:
                    sending.raise_failure()
                    raise
                yield response

    def _check_open(self) -> None:
        if self._closed:
            error = UnavailableError("the client is closed")
            error.retry_delay_s = 0.0
            raise error

    async def close(self) -> None:
        """End calls under way and refuse further ones; the service itself goes on."""
        self._closed = True
        self._under_way.expire_all()


class _Sending:
    """Hands requests on and keeps the error they end with: it is the caller's own, not the service's."""

    def __init__(self, requests: AsyncIterable[Message]) -> None:
        self._requests = requests
        self._failure: Exception | None = None

    async def messages(self) -> AsyncGenerator[Message, None]:
        try:
            async for request in self._requests:
                yield request
        except Exception as error:
            self._failure = error
            raise

    def raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
