"""Sends a traffic file: many calls at once, each person's in order."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Hashable, Iterable
from typing import Final

from idsync.client.async_client import AsyncClient
from idsync.client.replay.lines import Line, MalformedLineError, Request, ResolveRequest, read_line
from idsync.client.replay.order import Order
from idsync.client.replay.tally import MALFORMED, NO_ANSWER_TO_REFER_TO, Answer, ResolveAnswer, Tally
from idsync.model.errors import IdsyncError, NotFoundError
from idsync.model.identity import Environment
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["Pump"]

READ_AHEAD: Final = 16
"""Lines read but not done, for each call in flight: so many that one busy person does not stop the others."""


def _ignore(_: object, __: object = None) -> None:
    """Do nothing."""


class Pump:
    """Sends lines over a client and counts what becomes of them in `tally`, which may be read at any time."""

    def __init__(
        self,
        client: AsyncClient,
        *,
        in_flight: int = 64,
        environment: Environment = Environment.PRODUCTION,
        on_done: Callable[[int], None] = _ignore,
        on_malformed: Callable[[int, str], None] = _ignore,
    ) -> None:
        """Take what the lines do not say.

        Args:
            client: Reaches the service.
            in_flight: Calls at once, at most.
            environment: The environment of lines that name none.
            on_done: Told the size in bytes of each line that is done.
            on_malformed: Told the number of each malformed line, and what is wrong with it.
        """
        self.tally = Tally()
        self._client = client
        self._environment = environment
        self._on_done = on_done
        self._on_malformed = on_malformed
        self._order = Order()
        self._in_flight = asyncio.Semaphore(in_flight)
        self._ahead = asyncio.Semaphore(in_flight * READ_AHEAD)
        # By line number: 8 bytes a line are all that is kept of the past. 0 is no MPID (ID-007).
        self._mpids = array("q", [0])

    async def send(self, lines: Iterable[bytes]) -> None:
        """Send all lines; returns when each is answered, refused or named malformed.

        Nothing that happens to one line stops the others.
        """
        self.tally.begin()
        try:
            async with asyncio.TaskGroup() as group:
                for number, text in enumerate(lines, start=1):
                    self._mpids.append(0)
                    line = self._read(number, text)
                    if line is None:
                        self._on_done(len(text))
                        continue
                    await self._ahead.acquire()
                    ties = self._order.ties(line)
                    earlier = self._order.earlier(ties)
                    task = group.create_task(self._take(line, len(text), ties, earlier))
                    self._order.begin(ties, task)
        finally:
            self.tally.end()

    def _read(self, number: int, text: bytes) -> Line | None:
        if not text.strip():
            return None
        try:
            return read_line(number, text, self._environment)
        except MalformedLineError as error:
            self.tally.add_refusal(number, "", MALFORMED, str(error))
            self._on_malformed(number, str(error))
            return None

    async def _take(
        self, line: Line, size: int, ties: frozenset[Hashable], earlier: set[asyncio.Task[None]]
    ) -> None:
        """Wait for one line's turn and send it."""
        task = asyncio.current_task()
        assert task is not None
        try:
            if earlier:
                await asyncio.wait(earlier)
            async with self._in_flight:
                await self._send(line)
        finally:
            self._order.end(ties, task)
            self._ahead.release()
        self._on_done(size)

    async def _send(self, line: Line) -> None:
        request = line.request
        if line.refers_to is not None:
            mpid = self._mpids[line.refers_to]
            if isinstance(request, pb.ModifyRequest):
                if mpid == 0:
                    message = "the line it refers to brought no MPID"
                    self.tally.add_refusal(line.number, line.call, NO_ANSWER_TO_REFER_TO, message)
                    return
                request.mpid = mpid
            elif mpid == 0:
                self.tally.lost_references += 1
            else:
                request.previous_mpid = mpid
        try:
            answer, self._mpids[line.number] = await self._call(request)
        except NotFoundError:
            self.tally.add_nobody(line.call)
        except IdsyncError as error:
            self.tally.add_refusal(line.number, line.call, error.reason, error.message)
        else:
            self.tally.add_answer(line.call, answer)

    async def _call(self, request: Request) -> tuple[Answer, int]:
        """Send a request; gives its answer and the MPID that later lines may refer to."""
        if isinstance(request, pb.ModifyRequest):
            return await self._client.modify(request), request.mpid
        answer = await self._resolve(request)
        return answer, answer.mpid

    async def _resolve(self, request: ResolveRequest) -> ResolveAnswer:
        match request:
            case pb.IdentifyRequest():
                return await self._client.identify(request)
            case pb.LoginRequest():
                return await self._client.login(request)
            case pb.LogoutRequest():
                return await self._client.logout(request)
            case pb.SearchRequest():
                return await self._client.search(request)
