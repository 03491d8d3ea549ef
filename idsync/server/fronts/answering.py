"""The owner's end of the socket to one front: calls come in, the methods of the service answer them."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import aclosing
from typing import Any, Final, cast

from idsync.model.errors import IdsyncError
from idsync.server.call import TRACE_ID, Call
from idsync.server.fronts.beside import MetadataReader, error_to_bytes
from idsync.server.fronts.contract import RPCS, path_of
from idsync.server.fronts.flow import Inbox, Window
from idsync.server.fronts.frames import CALL, MAX_TO_OWNER_BYTES, NO_USE, ROOM, STOP, USED, Kind
from idsync.server.fronts.link import Link, Take
from idsync.server.method import Method
from idsync.server.wire.status import INTERNAL

__all__ = ["Answering", "by_number"]

_UNREAD_BYTES: Final = 4 * 1024 * 1024
"""Answers that a front may leave unread; until it reads them nothing more is taken from it."""
_AT_ONCE: Final = frozenset({"Identify", "Login", "Logout", "Search", "Modify"})
"""Rpcs that mostly need not wait: they are begun without a task of their own, which would cost more than the
rest of what the owner does. Whatever they wait for before that must not ask which task it is in."""


def by_number(methods: list[Method]) -> list[Method]:
    """Put the methods of the service in the order in which a front counts them."""
    by_path = {method.path: method for method in methods}
    return [by_path[path_of(rpc)] for rpc in RPCS]


class Answering(Link):
    """Answers the calls of one front.

    Args:
        methods: By the number of their rpc.
        take: What to do with the frames that are about no call.
        lost: Called when the front is gone.
    """

    def __init__(self, methods: list[Method], take: Mapping[Kind, Take], lost: Callable[[], None]) -> None:
        super().__init__(
            {
                **take,
                Kind.CALL: self._take_call,
                Kind.MESSAGE: self._take_message,
                Kind.TAKEN: self._take_room,
                Kind.REQUESTS_END: self._take_end,
                Kind.CANCEL: self._take_cancel,
            },
            MAX_TO_OWNER_BYTES,
        )
        self._methods = methods
        self._lost = lost
        self._read = MetadataReader().read
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._streams: dict[int, tuple[Inbox, Window]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        cast("asyncio.Transport", transport).set_write_buffer_limits(_UNREAD_BYTES)

    def pause_writing(self) -> None:
        """Take nothing more from a front that does not read."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Take calls again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        """Drop what was under way: the callers have gone with their front."""
        for task in self._tasks.values():
            task.cancel()
        self._lost()

    def say_leave(self) -> None:
        """Tell the front that no more calls should come."""
        self.send(Kind.LEAVE, 0)

    def say_stop(self, grace_s: float) -> None:
        """Tell the front to end, once calls under way are answered or this many seconds have passed."""
        self.send(Kind.STOP, 0, STOP.pack(grace_s))

    # -- calls ---------------------------------------------------------------------------------------------

    def _take_call(self, number: int, data: bytes, start: int, end: int) -> None:
        rpc, trace_size, metadata_size = CALL.unpack_from(data, start)
        trace_at = start + CALL.size
        metadata_at = trace_at + trace_size
        request_at = metadata_at + metadata_size
        trace = (TRACE_ID, data[trace_at:metadata_at].decode())
        call = Call((trace, *self._read(data[metadata_at:request_at])))
        method = self._methods[rpc]
        if method.client_streaming or method.server_streaming:
            requests = Inbox(lambda size: self.send(Kind.TAKEN, number, ROOM.pack(size)))
            self._streams[number] = requests, Window()
            self._start(number, call, self._answer_all(number, method, call))
        elif method.name in _AT_ONCE:
            answer = method.answer_bytes(data[request_at:end], call)
            try:
                waited = answer.send(None)
            except StopIteration as done:
                self._answer(number, call, done.value)
            except (Exception, asyncio.CancelledError) as error:
                self._fail(number, call, error)
            else:
                self._start(number, call, self._answer_one(number, call, _rest(answer, waited)))
        else:
            answer = method.answer_bytes(data[request_at:end], call)
            self._start(number, call, self._answer_one(number, call, answer))

    def _start(self, number: int, call: Call, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[number] = asyncio.create_task(work)

        def ended(task: asyncio.Task[None]) -> None:
            del self._tasks[number]
            self._streams.pop(number, None)
            error = None if task.cancelled() else task.exception()
            if task.cancelled() or error is not None:
                # mostly nobody waits any more; whoever does must not wait for ever
                self._fail(number, call, error)

        task.add_done_callback(ended)

    async def _answer_one(self, number: int, call: Call, answer: Awaitable[bytes]) -> None:
        self._answer(number, call, await answer)

    def _answer(self, number: int, call: Call, response: bytes) -> None:
        self.send(Kind.ANSWER, number, _used(call), response)

    def _fail(self, number: int, call: Call, error: BaseException | None) -> None:
        told = error if isinstance(error, IdsyncError) else IdsyncError(INTERNAL)
        self.send(Kind.FAILURE, number, _used(call), error_to_bytes(told))

    async def _answer_all(self, number: int, method: Method, call: Call) -> None:
        requests, window = self._streams[number]
        async with aclosing(method.answers(requests.messages(), call)) as responses:
            async for response in responses:
                written = response.SerializeToString()
                await window.take(written)
                self.send(Kind.MESSAGE, number, written)
        self.send(Kind.RESPONSES_END, number, _used(call))

    # -- what a front says of a call; of one that has ended it is dropped ----------------------------------

    def _take_message(self, number: int, data: bytes, start: int, end: int) -> None:
        if number in self._streams:
            self._streams[number][0].put(data[start:end])

    def _take_end(self, number: int, _data: bytes, _start: int, _end: int) -> None:
        if number in self._streams:
            self._streams[number][0].end()

    def _take_room(self, number: int, data: bytes, start: int, _end: int) -> None:
        if number in self._streams:
            self._streams[number][1].widen(*ROOM.unpack_from(data, start))

    def _take_cancel(self, number: int, _data: bytes, _start: int, _end: int) -> None:
        if number in self._tasks:
            self._tasks[number].cancel()


def _used(call: Call) -> bytes:
    return USED.pack(NO_USE if call.used_percent is None else call.used_percent)


@types.coroutine
def _rest(answer: Coroutine[Any, Any, bytes], waited: Any) -> Generator[Any, Any, bytes]:
    """Go on with a coroutine that has been begun, and waits, in a task.

    Args:
        answer: The coroutine.
        waited: What it gave to its driver when it was begun.
    """
    while True:
        try:
            yield waited
        except BaseException as error:
            try:
                waited = answer.throw(error)
            except StopIteration as done:
                return cast("bytes", done.value)
        else:
            return (yield from cast("Generator[Any, Any, bytes]", answer))
