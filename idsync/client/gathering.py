"""Calls that are made at the same moment travel together: many callers, one message.

A message costs a service far more than what is in it, so a hundred calls in one cost little more than one.
Nobody waits for company: what a turn of the event loop brings is sent at its end, a single call as it is.
Only while `MAX_UNDER_WAY` messages are unanswered do further calls gather until one of them comes back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from google.protobuf.message import Message

from idsync.client.errors import error_of_result
from idsync.client.rpcs import RPCS_BY_RESPONSE, Rpc
from idsync.client.transport import Metadata, Trailing, Transport
from idsync.model.errors import DeadlineExceededError, IdsyncError
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["MAX_CALLS", "MAX_CALL_BYTES", "MAX_UNDER_WAY", "GatheringTransport"]

MAX_CALLS: Final = 100
"""Calls in one message: more would keep the first of them waiting for the last."""
MAX_CALL_BYTES: Final = 16 * 1024
"""A larger request travels alone, so that a message stays below what a service takes (4 MiB)."""
MAX_UNDER_WAY: Final = 4
"""Unanswered messages for the same credentials."""

_BATCH: Final = RPCS_BY_RESPONSE[pb.BatchResolveResponse]
_FIELDS: Final = {
    RPCS_BY_RESPONSE[response].path: field
    for field, response in (
        ("identify", pb.IdentifyResponse),
        ("login", pb.LoginResponse),
        ("logout", pb.LogoutResponse),
        ("search", pb.SearchResponse),
        ("modify", pb.ModifyResponse),
    )
}
"""Where a call and its answer stand in a batch, by the path of the rpc."""


@dataclass(slots=True, eq=False)
class _Waiting:
    rpc: Rpc
    request: Message
    until_s: float | None
    answer: asyncio.Future[Message]


class GatheringTransport:
    """Wraps a transport: identify, login, logout, search and modify go together where they can.

    Answers, errors and deadlines are those of single calls. Of calls that one task makes one after the other
    none ever shares a message; those in one message take effect in the order in which they were made.
    """

    def __init__(self, transport: Transport) -> None:
        """Take what carries the messages; it is closed with this transport."""
        self._transport = transport
        self._gatherings: dict[Metadata, _Gathering] = {}

    async def call(
        self,
        rpc: Rpc,
        request: Message,
        metadata: Metadata,
        timeout_s: float | None,
        trailing: Trailing | None = None,
    ) -> Message:
        """Send one request, perhaps with others, and wait for its response; see `Transport.call`.

        Whoever wants what comes beside the response gets a message of his own.
        """
        if rpc.path not in _FIELDS or trailing is not None or request.ByteSize() > MAX_CALL_BYTES:
            return await self._transport.call(rpc, request, metadata, timeout_s, trailing)
        gathering = self._gatherings.get(metadata)
        if gathering is None:
            gathering = _Gathering(self._transport, metadata, lambda: self._gatherings.pop(metadata, None))
            self._gatherings[metadata] = gathering
        return await gathering.take(rpc, request, timeout_s)

    def stream(
        self, rpc: Rpc, requests: AsyncIterable[Message], metadata: Metadata
    ) -> AsyncIterator[Message]:
        """Open a stream; see `Transport.stream`."""
        return self._transport.stream(rpc, requests, metadata)

    async def close(self) -> None:
        """Close the transport, and wait until everybody under way was told."""
        await self._transport.close()
        for gathering in list(self._gatherings.values()):
            await gathering.ended()


class _Gathering:
    """The calls made with the same credentials.

    Args:
        on_idle: Told when there are none left, so that credentials of a single call are not kept.
    """

    def __init__(self, transport: Transport, metadata: Metadata, on_idle: Callable[[], object]) -> None:
        self._transport = transport
        self._metadata = metadata
        self._on_idle = on_idle
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._under_way: dict[asyncio.Task[None], list[_Waiting]] = {}
        self._is_due = False

    async def take(self, rpc: Rpc, request: Message, timeout_s: float | None) -> Message:
        answer: asyncio.Future[Message] = self._loop.create_future()
        until_s = None if timeout_s is None else self._loop.time() + timeout_s
        timer = None if until_s is None else self._loop.call_at(until_s, _give_up, answer)
        waiting = _Waiting(rpc, request, until_s, answer)
        self._waiting.append(waiting)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._send)
        try:
            return await answer
        except asyncio.CancelledError:
            self._leave(waiting)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _leave(self, waiting: _Waiting) -> None:
        """End a message whose callers have all gone, so that the service need not answer it."""
        for task, together in self._under_way.items():
            if waiting in together and all(other.answer.done() for other in together):
                task.cancel()

    def _send(self) -> None:
        self._is_due = False
        while self._waiting and len(self._under_way) < MAX_UNDER_WAY:
            together: list[_Waiting] = []
            while self._waiting and len(together) < MAX_CALLS:
                waiting = self._waiting.popleft()
                if not waiting.answer.done():
                    together.append(waiting)
            if together:
                task = self._loop.create_task(self._carry(together))
                self._under_way[task] = together
                task.add_done_callback(self._came_back)
        if not (self._waiting or self._under_way):
            self._on_idle()

    def _came_back(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._send()

    async def _carry(self, together: list[_Waiting]) -> None:
        """Bring calls to the service, and everybody his answer."""
        limits = [waiting.until_s for waiting in together if waiting.until_s is not None]
        left_s = max(limits) - self._loop.time() if len(limits) == len(together) else None
        answers: Sequence[Message | Exception]
        try:
            answers = await self._answers(together, left_s)
        except asyncio.CancelledError:
            for waiting in together:
                waiting.answer.cancel()
            raise
        except IdsyncError as error:
            answers = [error.copy() for _ in together]
        except Exception as error:
            # No transport of ours raises anything else; if one does, nobody must wait for an answer in vain.
            answers = [error] * len(together)
        for waiting, answer in zip(together, answers, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)

    async def _answers(
        self, together: list[_Waiting], left_s: float | None
    ) -> Sequence[Message | IdsyncError]:
        if len(together) == 1:
            (alone,) = together
            return [await self._transport.call(alone.rpc, alone.request, self._metadata, left_s)]
        batch = pb.BatchResolveRequest()
        for waiting in together:
            cast("Any", getattr(batch.calls.add(), _FIELDS[waiting.rpc.path])).CopyFrom(waiting.request)
        response = cast(
            "pb.BatchResolveResponse",
            await self._transport.call(_BATCH, batch, self._metadata, left_s),
        )
        if len(response.results) != len(together):
            raise IdsyncError("the service answered another number of calls than it was sent")
        return [_answer(waiting, result) for waiting, result in zip(together, response.results, strict=True)]

    async def ended(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way)


def _answer(waiting: _Waiting, result: pb.ResolveResult) -> Message | IdsyncError:
    if result.HasField("error"):
        return error_of_result(result.error)
    field = _FIELDS[waiting.rpc.path]
    if not result.HasField(cast("Any", field)):
        return IdsyncError("the service answered another call than it was sent")
    return cast("Message", getattr(result, field))


def _give_up(answer: asyncio.Future[Message]) -> None:
    if not answer.done():
        answer.set_exception(DeadlineExceededError("the answer did not come in time"))
