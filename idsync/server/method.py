"""The one wrapper around every method: who calls, may he, what went wrong, how long it took.

Wrapped once at start, not per call; every transport calls the same wrapped methods. Order of ID-040:
authenticate, rate-limit, parse, and then the method.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection
from contextlib import aclosing
from time import perf_counter
from typing import Any, Final, Protocol

import structlog
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from idsync.model.errors import IdsyncError, InvalidRequestError, OverloadedError
from idsync.model.wording import Wording
from idsync.server.admission.credentials import Authenticator
from idsync.server.admission.limits import Gate
from idsync.server.call import Call
from idsync.server.meters import Meters, MethodMeter
from idsync.server.traceback import traceback_without_values
from idsync.server.wire.faults import MAX_REQUEST_BYTES
from idsync.server.wire.status import INTERNAL, code_of

__all__ = ["Desk", "Method", "Recall", "Remembered", "Run", "methods_of", "told_of"]

Run = Callable[[Any, Call], Any]
"""A method of a service: `async (request, call) -> response`, or an async generator if it streams."""


class Remembered(Protocol):
    """An answer that is ready."""

    def told(self) -> bytes:
        """Give it, and count it."""
        ...


Recall = Callable[[bytes | Wording, Call], Remembered | None]
"""Finds the answer to a request without reading it; `None`: it must be read."""

_OK: Final = StatusCode.OK
_LOG_LEVELS: Final = {
    StatusCode.INTERNAL: "error",
    StatusCode.UNAVAILABLE: "warning",
    # A search without a match is an answer like others (ID-087).
    StatusCode.NOT_FOUND: "debug",
}
_log = structlog.get_logger("idsync.server")


class Desk:
    """What all methods share: it lets callers in and says what became of their calls.

    Args:
        gate: Rate limits; `None`: nothing is limited.
    """

    def __init__(self, authenticator: Authenticator, gate: Gate | None, meters: Meters) -> None:
        self._authenticator = authenticator
        self._gate = gate
        self._meters = meters

    def method(
        self,
        descriptor: MethodDescriptor,
        run: Run,
        *,
        recall: Recall | None,
        counts: bool,
        max_bytes: int | None,
    ) -> Method:
        """Wrap one method.

        Args:
            descriptor: The rpc in the contract.
            run: What answers it.
            recall: What is asked before.
            counts: Whether the call itself counts against the rate limits; `False` for methods that carry
                many calls and count each of them.
            max_bytes: Size of one request message; `None`: the transport's limit alone.
        """
        kind = "_".join(
            "stream" if streams else "unary"
            for streams in (descriptor.client_streaming, descriptor.server_streaming)
        )
        service = descriptor.containing_service.full_name
        meter = self._meters.method(kind, service, descriptor.name)
        return Method(descriptor, run, self, meter, recall=recall, counts=counts, max_bytes=max_bytes)

    def admit(self, call: Call, *, counts: bool) -> None:
        """Find out who calls, and count the call.

        Raises:
            UnauthenticatedError: Nobody we know.
            RateLimitedError: A limit is reached.
        """
        self.recognise(call)
        if counts:
            self.count(call)

    def recognise(self, call: Call) -> None:
        """Find out who calls.

        Raises:
            UnauthenticatedError: Nobody we know.
        """
        call.caller = self._authenticator.caller(call.metadata)

    def count(self, call: Call) -> None:
        """Count one call of a caller.

        Raises:
            RateLimitedError: A limit is reached.
        """
        if self._gate is not None:
            call.used_percent = self._gate.admit(call.caller)


class Method:
    """One rpc, ready for any transport.

    Attributes:
        path: As on the wire, e.g. `/idsync.v1.IdentityService/Identify`.
    """

    def __init__(
        self,
        descriptor: MethodDescriptor,
        run: Run,
        desk: Desk,
        meter: MethodMeter,
        *,
        recall: Recall | None,
        counts: bool,
        max_bytes: int | None,
    ) -> None:
        self.service: str = descriptor.containing_service.full_name
        self.name: str = descriptor.name
        self.path = f"/{self.service}/{self.name}"
        self.request_type: type[Message] = GetMessageClass(descriptor.input_type)
        self.response_type: type[Message] = GetMessageClass(descriptor.output_type)
        self.client_streaming: bool = descriptor.client_streaming
        self.server_streaming: bool = descriptor.server_streaming
        self._run = run
        self._recall = recall
        self._desk = desk
        self._meter = meter
        self._counts = counts
        self._max_bytes = max_bytes
        self._read = self.request_type.FromString

    async def answer(self, request: Message, call: Call) -> Message:
        """Answer one request with one response.

        Raises:
            IdsyncError: What went wrong; an error that nobody planned says nothing (ID-236).
        """
        started = perf_counter()
        try:
            self._desk.admit(call, counts=self._counts)
            response: Message = await self._run(request, call)
        except BaseException as error:
            raise self._failed(error, call, perf_counter() - started) from error.__cause__
        self._meter.ended(_OK, perf_counter() - started)
        return response

    async def answer_bytes(self, request: bytes, call: Call) -> bytes:
        """Answer one request with one response, both as they travel.

        Raises:
            IdsyncError: As for `answer`.
        """
        started = perf_counter()
        try:
            self._desk.admit(call, counts=self._counts)
            remembered = None if self._recall is None else self._recall(request, call)
            if remembered is not None:
                response = remembered.told()
            else:
                call.received = request
                answer: Message = await self._run(self._parsed(request), call)
                response = answer.SerializeToString()
        except BaseException as error:
            raise self._failed(error, call, perf_counter() - started) from error.__cause__
        self._meter.ended(_OK, perf_counter() - started)
        return response

    def recall(self, request: Wording, call: Call) -> bytes | None:
        """Answer a request that came before in the same words, at once.

        What is refused here is refused again where the call comes in full, and told and logged there.

        Returns:
            The answer as its surface wrote it; `None`: the call must come in full.
        """
        if self._recall is None:
            return None
        started = perf_counter()
        try:
            self._desk.recognise(call)
            remembered = self._recall(request, call)
            if remembered is None:
                return None
            if self._counts:
                self._desk.count(call)
        except IdsyncError:
            return None
        response = remembered.told()
        self._meter.ended(_OK, perf_counter() - started)
        return response

    async def answers(
        self, requests: AsyncIterable[Message | bytes], call: Call
    ) -> AsyncGenerator[Message, None]:
        """Answer a stream, or one request with many responses.

        Raises:
            IdsyncError: As for `answer`.
        """
        started = perf_counter()
        try:
            self._desk.admit(call, counts=self._counts)
            async with aclosing(self._messages(requests)) as messages:
                wanted = messages if self.client_streaming else await anext(messages)
                async with aclosing(self._run(wanted, call)) as responses:
                    async for response in responses:
                        yield response
        except BaseException as error:
            raise self._failed(error, call, perf_counter() - started) from error.__cause__
        self._meter.ended(_OK, perf_counter() - started)

    async def _messages(self, requests: AsyncIterable[Message | bytes]) -> AsyncGenerator[Message, None]:
        async for request in requests:
            yield self._parsed(request) if isinstance(request, bytes) else request

    def _parsed(self, request: bytes) -> Message:
        if self._max_bytes is not None and len(request) > self._max_bytes:
            raise InvalidRequestError(f"the request has more than {self._max_bytes} bytes")
        try:
            return self._read(request)
        except DecodeError:
            name = self.request_type.DESCRIPTOR.full_name
            raise InvalidRequestError(f"the request is no {name}", reason="BAD_REQUEST") from None

    def _failed(self, error: BaseException, call: Call, duration_s: float) -> BaseException:
        """Count and log a failure, and say what the caller is told instead of it."""
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            self._meter.ended(StatusCode.CANCELLED, duration_s)
            return error
        if not isinstance(error, Exception):
            return error
        self._meter.ended(code_of(error), duration_s)
        return told_of(error, call, self.path, duration_ms=round(duration_s * 1_000, 3))


def told_of(error: Exception, call: Call, rpc: str, **more: object) -> IdsyncError:
    """Log what went wrong with a call, and give what its caller is told; of a fault of ours that is nothing.

    Args:
        error: What went wrong.
        call: What surrounds the request.
        rpc: What was called.
        more: What else the log should say.
    """
    code = code_of(error)
    told = error if isinstance(error, IdsyncError) and code is not StatusCode.INTERNAL else None
    facts: dict[str, object] = {
        "rpc": rpc,
        "code": code.name,
        "trace_id": call.trace_id,
        "input": "operator" if call.caller.is_operator else call.caller.key and call.caller.input_id,
        **more,
    }
    if told is None:
        facts["traceback"] = traceback_without_values(error)
    else:
        facts |= {"reason": told.reason, "detail": told.message}
    # a flood is logged as such, once
    level = "debug" if isinstance(error, OverloadedError) else _LOG_LEVELS.get(code, "info")
    getattr(_log, level)("call_failed", **facts)
    return IdsyncError(INTERNAL) if told is None else told


def methods_of(
    descriptor: ServiceDescriptor,
    service: object,
    desk: Desk,
    many_calls: Collection[str] = (),
    recall: Callable[[str], Recall | None] | None = None,
) -> list[Method]:
    """Wrap every method of a service; the rpc `BatchResolve` is answered by its `batch_resolve`.

    Args:
        descriptor: The service in the contract.
        service: Has a method for each rpc.
        desk: Whom they share.
        many_calls: Rpcs that count each call they carry, and are as large as the transport takes.
        recall: Gives what may answer an rpc's requests before they are read.
    """
    return [
        desk.method(
            rpc,
            getattr(service, re.sub(r"(?<!^)(?=[A-Z])", "_", rpc.name).lower()),
            recall=None if recall is None else recall(rpc.name),
            counts=rpc.name not in many_calls,
            max_bytes=None if rpc.name in many_calls else MAX_REQUEST_BYTES,
        )
        for rpc in descriptor.methods
    ]
