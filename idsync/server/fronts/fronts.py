"""All fronts of a service: started together, started anew when one dies, ended together."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from idsync.config.configuration import Limits, Tls
from idsync.model.errors import ConfigurationError
from idsync.server.fronts.answering import by_number
from idsync.server.fronts.figures import FrontFigures
from idsync.server.fronts.frames import Kind
from idsync.server.fronts.front import Front, FrontSetting, Told
from idsync.server.fronts.ports import Reservation
from idsync.server.method import Method

__all__ = ["Fronts", "Setup"]

START_S: Final = 60.0
"""How long the fronts may take to start, in seconds."""
_MARGIN_S: Final = 5.0
"""How much longer than the calls under way a front may take to end, in seconds."""
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0
"""Waits before a front is started anew, each twice the one before."""
_STEADY_S: Final = 30.0
"""A front that lived so long begins anew with the first wait, in seconds."""
_COUNT_S: Final = 1.0
"""How long the others are waited for when one front is asked for the metrics, in seconds."""

_log = structlog.get_logger("idsync.fronts")


@dataclass(frozen=True, slots=True)
class Setup:
    """What the fronts of a service are.

    Attributes:
        command: The program of a front, which takes a `FrontSetting` as its last argument.
        http: A socket for each of them that listens for HTTP; closed by `Fronts`.
        max_age_s: For how long clients may reuse an identity answer, in seconds.
        log_level: Least grave lines to log.
        registry: The metrics of the service, to which theirs are added.
    """

    command: Sequence[str]
    http: Sequence[socket.socket]
    max_age_s: int
    log_level: str
    registry: CollectorRegistry


class Fronts:
    """Serves the methods of this process through others.

    Args:
        methods: What answers.
        limits: Bounds of what waits; each front has them for itself.
        setup: What the fronts are.
    """

    def __init__(self, methods: list[Method], limits: Limits, setup: Setup) -> None:
        self._methods = by_number(methods)
        self._limits = limits
        self._setup = setup
        self._figures = FrontFigures(len(setup.http), setup.registry)
        self._fronts: dict[int, Front] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._questions: set[asyncio.Task[None]] = set()
        self._reservation: Reservation | None = None
        self._tls: Tls | None = None
        self._is_leaving = False
        self._stopping = asyncio.Event()

    async def start(self, address: str, tls: Tls | None) -> str:
        """Start every front, and say where they listen for gRPC; see `GrpcServer.start`.

        Raises:
            ConfigurationError: Nobody can listen there, the certificate cannot be used, or a front does not
                start.
        """
        self._reservation = Reservation(address)
        self._tls = tls
        try:
            async with asyncio.timeout(START_S):
                await asyncio.gather(*(self._begin(number) for number in range(len(self._setup.http))))
        except TimeoutError:
            raise ConfigurationError(f"the front processes did not start within {START_S:.0f} s") from None
        for number, front in self._fronts.items():
            self._keepers.append(asyncio.create_task(self._keep(number, front)))
        return self._reservation.address

    async def leave(self) -> None:
        """Tell those who watch the health of any front that no more calls should come."""
        self._is_leaving = True
        for front in self._fronts.values():
            front.link.say_leave()

    async def stop(self, grace_s: float) -> None:
        """Let the fronts take no more calls, and give those under way some time, in seconds."""
        self._stopping.set()
        for listener in self._setup.http:
            listener.close()
        if self._reservation is not None:
            self._reservation.close()
        fronts = list(self._fronts.values())
        for front in fronts:
            if front.is_ready:
                front.link.say_stop(grace_s)
            else:
                front.kill()
        ends = [asyncio.create_task(front.ended()) for front in fronts]
        if ends:
            _, late = await asyncio.wait(ends, timeout=grace_s + _MARGIN_S)
            if late:
                _log.error("fronts_killed", count=len(late))
                for front in fronts:
                    front.kill()
            await asyncio.gather(*ends)
        for task in (*self._keepers, *self._questions):
            task.cancel()
        await asyncio.gather(*self._keepers, *self._questions, return_exceptions=True)

    # -- one front ----------------------------------------------------------------------------------------

    async def _begin(self, number: int) -> Front:
        front = Front(self._methods, Told(lambda figures: self._figures.told(number, figures), self._show))
        self._fronts[number] = front
        await front.start(self._setup.command, lambda relay_fd: self._setting(number, relay_fd))
        self._figures.serves(number)
        if self._is_leaving:
            front.link.say_leave()
        return front

    def _setting(self, number: int, relay_fd: int) -> FrontSetting:
        assert self._reservation is not None
        return FrontSetting(
            owner_pid=os.getpid(),
            relay_fd=relay_fd,
            http_fd=self._setup.http[number].fileno(),
            grpc=self._reservation.address,
            certificate_file=None if self._tls is None else str(self._tls.certificate_file),
            key_file=None if self._tls is None else str(self._tls.key_file),
            max_age_s=self._setup.max_age_s,
            log_level=self._setup.log_level,
            calls_under_way=self._limits.calls_under_way,
            calls_per_connection=self._limits.calls_per_connection,
            connections=self._limits.connections,
        )

    async def _keep(self, number: int, front: Front) -> None:
        """Start a front anew whenever it has died."""
        loop = asyncio.get_running_loop()
        wait_s = _FIRST_WAIT_S
        while True:
            begun_s = loop.time()
            code = await front.ended()
            if self._stopping.is_set():
                return
            self._figures.died(number)
            _log.error("front_died", front=number + 1, process=front.pid, exit_code=code)
            if loop.time() - begun_s >= _STEADY_S:
                wait_s = _FIRST_WAIT_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_s)
                return
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            try:
                async with asyncio.timeout(START_S):
                    front = await self._begin(number)
            except Exception as error:
                # whatever it is, the next attempt may succeed, and without one the front is missing for good
                front = self._fronts[number]
                front.kill()
                _log.error("front_not_started", front=number + 1, detail=str(error) or type(error).__name__)
            else:
                _log.warning("front_restarted", front=number + 1, process=front.pid)

    # -- the metrics of all -------------------------------------------------------------------------------

    def _show(self, front: Front, number: int, accept: str) -> None:
        question = asyncio.create_task(self._answer(front, number, accept))
        self._questions.add(question)
        question.add_done_callback(self._questions.discard)

    async def _answer(self, front: Front, number: int, accept: str) -> None:
        counts = [asyncio.create_task(each.count()) for each in self._fronts.values() if each.is_ready]
        if counts:
            _, late = await asyncio.wait(counts, timeout=_COUNT_S)
            for count in late:
                # it is shown as it was when it last told
                count.cancel()
        encode, content_type = choose_encoder(accept)
        front.link.send(Kind.SHOWN, number, content_type.encode(), b"\n", encode(self._setup.registry))
