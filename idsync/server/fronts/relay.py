"""A front's end of the socket: calls go out, answers come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from typing import Final

from idsync.model.errors import IdsyncError, UnavailableError
from idsync.server.call import Call
from idsync.server.fronts.beside import MetadataWriter, error_from_bytes
from idsync.server.fronts.flow import Inbox, Window
from idsync.server.fronts.frames import CALL, MAX_TO_FRONT_BYTES, NO_USE, ROOM, STOP, USED, Kind
from idsync.server.fronts.link import Link
from idsync.server.fronts.patience import Patience

__all__ = ["MAX_WAITING_BYTES", "Relay"]

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""What may wait in a front for the owner to read it; further calls are refused with `UNAVAILABLE`."""
_NUMBERS: Final = 2**32

_Answer = tuple[int, bytes | IdsyncError]
"""How much of the limits is used, and the response or what went wrong."""


class Relay(Link):
    """Carries the calls of one front.

    Args:
        figures: Gives what the front counted, as bytes.
        lost: Called when the owner is gone.

    Attributes:
        is_leaving: Whether no more calls should come.
    """

    def __init__(self, figures: Callable[[], bytes], lost: Callable[[], None]) -> None:
        super().__init__(
            {
                Kind.ANSWER: self._take_answer,
                Kind.FAILURE: self._take_failure,
                Kind.MESSAGE: self._take_message,
                Kind.TAKEN: self._take_room,
                Kind.RESPONSES_END: self._take_end,
                Kind.LEAVE: self._take_leave,
                Kind.STOP: self._take_stop,
                Kind.COUNT: lambda number, *_: self.send(Kind.FIGURES, number, figures()),
                Kind.SHOWN: self._take_shown,
            },
            MAX_TO_FRONT_BYTES,
            Patience(),
        )
        self.is_leaving = False
        self._lost = lost
        self._leaving = asyncio.Event()
        self._stop: asyncio.Future[float] = self._loop.create_future()
        self._write = MetadataWriter().written
        self._number = 0
        self._calls: dict[int, asyncio.Future[_Answer]] = {}
        self._streams: dict[int, _Stream] = {}
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        if isinstance(transport, asyncio.WriteTransport):
            transport.set_write_buffer_limits(MAX_WAITING_BYTES)

    def say_ready(self) -> None:
        """Tell the owner that the front takes calls."""
        self.send(Kind.READY, 0)

    def say_refused(self, why: str) -> None:
        """Tell the owner that the front cannot start."""
        self.send(Kind.REFUSED, 0, why.encode())

    def pause_writing(self) -> None:
        """Refuse what comes from now on: the owner does not read."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Relay again."""
        self._is_full = False

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever holds the front together."""
        self._lost()

    async def leave(self) -> None:
        """Wait until the owner says that no more calls should come."""
        await self._leaving.wait()

    async def stop(self) -> float:
        """Wait until the owner says that this is the end; gives how long calls may take, in seconds."""
        return await self._stop

    async def show(self, accept: str) -> tuple[bytes, str]:
        """Ask for the metrics of the whole service, in a format that is accepted; gives them and its name."""
        _, shown = await self._answered(Kind.SHOW, accept.encode())
        if isinstance(shown, IdsyncError):
            raise shown
        content_type, _, page = shown.partition(b"\n")
        return page, content_type.decode()

    # -- calls ---------------------------------------------------------------------------------------------

    async def call(self, rpc: int, request: bytes, call: Call) -> bytes:
        """Relay one request and wait for its response; the call learns how much of the limits is used.

        Raises:
            IdsyncError: What the service answers, or `UnavailableError`: too much waits for the owner.
        """
        used, answer = await self._answered(Kind.CALL, self._head(rpc, call), request)
        call.used_percent = None if used == NO_USE else used
        if isinstance(answer, IdsyncError):
            raise answer
        return answer

    async def _answered(self, kind: Kind, *parts: bytes) -> _Answer:
        number = self._next()
        answer: asyncio.Future[_Answer] = self._loop.create_future()
        self._calls[number] = answer
        self.send(kind, number, *parts)
        try:
            return await answer
        except asyncio.CancelledError:
            self.send(Kind.CANCEL, number)
            raise
        finally:
            del self._calls[number]

    async def stream(
        self, rpc: int, requests: AsyncIterable[bytes], call: Call
    ) -> AsyncGenerator[bytes, None]:
        """Relay a stream; closing the iterator ends the call.

        Raises:
            IdsyncError: As for `call`.
            Exception: Whatever `requests` raises, after the answers to what it gave before.
        """
        head = self._head(rpc, call)
        number = self._next()
        stream = self._streams[number] = _Stream(self, number, call)
        self.send(Kind.CALL, number, head)
        sending = asyncio.create_task(stream.send_all(requests))
        try:
            async with aclosing(stream.responses.messages()) as responses:
                async for response in responses:
                    yield response
            if stream.failure is not None:
                raise stream.failure
        finally:
            del self._streams[number]
            if not stream.has_ended:
                self.send(Kind.CANCEL, number)
            sending.cancel()
            await asyncio.wait([sending])

    def _head(self, rpc: int, call: Call) -> bytes:
        if self._is_full:
            raise UnavailableError("more calls wait than the service can take")
        trace_id, metadata = call.trace_id.encode(), self._write(call.metadata)
        return b"".join((CALL.pack(rpc, len(trace_id), len(metadata)), trace_id, metadata))

    def _next(self) -> int:
        while True:
            self._number = (self._number + 1) % _NUMBERS
            if self._number not in self._calls and self._number not in self._streams:
                return self._number

    # -- what the owner says; of a call that nobody waits for any more it is dropped -----------------------

    def _take_answer(self, number: int, data: bytes, start: int, end: int) -> None:
        (used,) = USED.unpack_from(data, start)
        self._give(number, used, data[start + USED.size : end])

    def _take_failure(self, number: int, data: bytes, start: int, end: int) -> None:
        (used,) = USED.unpack_from(data, start)
        error = error_from_bytes(data[start + USED.size : end])
        stream = self._streams.get(number)
        if stream is None:
            self._give(number, used, error)
        else:
            stream.end(used, error)

    def _give(self, number: int, used: int, answer: bytes | IdsyncError) -> None:
        waiting = self._calls.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result((used, answer))

    def _take_shown(self, number: int, data: bytes, start: int, end: int) -> None:
        self._give(number, NO_USE, data[start:end])

    def _take_message(self, number: int, data: bytes, start: int, end: int) -> None:
        stream = self._streams.get(number)
        if stream is not None:
            stream.responses.put(data[start:end])

    def _take_room(self, number: int, data: bytes, start: int, _end: int) -> None:
        stream = self._streams.get(number)
        if stream is not None:
            stream.window.widen(*ROOM.unpack_from(data, start))

    def _take_end(self, number: int, data: bytes, start: int, _end: int) -> None:
        stream = self._streams.get(number)
        if stream is not None:
            stream.end(*USED.unpack_from(data, start))

    def _take_leave(self, _number: int, _data: bytes, _start: int, _end: int) -> None:
        self.is_leaving = True
        self._leaving.set()

    def _take_stop(self, _number: int, data: bytes, start: int, _end: int) -> None:
        if not self._stop.done():
            self._stop.set_result(*STOP.unpack_from(data, start))


class _Stream:
    """One stream, as its front sees it.

    Attributes:
        responses: What came and was not taken yet.
        window: What may be sent.
        failure: What the requests ended with, where that was an error.
        has_ended: Whether the owner knows no more of it.
    """

    def __init__(self, relay: Relay, number: int, call: Call) -> None:
        self.responses = Inbox(lambda size: relay.send(Kind.TAKEN, number, ROOM.pack(size)))
        self.window = Window()
        self.failure: Exception | None = None
        self.has_ended = False
        self._relay = relay
        self._number = number
        self._call = call

    async def send_all(self, requests: AsyncIterable[bytes]) -> None:
        """Send the requests as they come and as there is room for them."""
        try:
            async for request in requests:
                await self.window.take(request)
                self._relay.send(Kind.MESSAGE, self._number, request)
        except Exception as error:
            self.failure = error
        if not self.has_ended:
            self._relay.send(Kind.REQUESTS_END, self._number)

    def end(self, used: int, error: IdsyncError | None = None) -> None:
        """Take note that the owner has ended it."""
        self.has_ended = True
        self._call.used_percent = None if used == NO_USE else used
        self.responses.end(error)
