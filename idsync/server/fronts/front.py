"""One front, as the owner sees it: its process, the socket to it, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final, Self

from idsync.model.errors import ConfigurationError
from idsync.server.fronts.answering import Answering
from idsync.server.fronts.frames import Kind
from idsync.server.method import Method

__all__ = ["Front", "FrontSetting", "Told"]

_STDERR: Final = 2
_END_S: Final = 5.0
"""How long a process may take to end once it has hung up, in seconds."""


@dataclass(frozen=True, slots=True)
class FrontSetting:
    """What a front is told when it is started.

    Attributes:
        owner_pid: The process that it belongs to.
        relay_fd: Its end of the socket to the owner.
        http_fd: The socket that listens for HTTP.
        grpc: Where it listens for gRPC, HOST:PORT.
        certificate_file: With `key_file`, for TLS; `None`: nothing is encrypted.
        key_file: The key of the certificate.
        max_age_s: For how long clients may reuse an identity answer, in seconds.
        log_level: Least grave lines to log.
        calls_under_way: Calls that wait before the owner hears of them; this and the next as in `Limits`.
        calls_per_connection: Calls that one connection may have under way.
        connections: Connections to this front on gRPC, and as many on HTTP.
    """

    owner_pid: int
    relay_fd: int
    http_fd: int
    grpc: str
    certificate_file: str | None
    key_file: str | None
    max_age_s: int
    log_level: str
    calls_under_way: int
    calls_per_connection: int
    connections: int

    def written(self) -> str:
        """Write it down for a command line; nothing in it is secret."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, written: str) -> Self:
        """Read what `written` gave."""
        return cls(**json.loads(written))


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a front's own words reach.

    Attributes:
        figures: Takes what it counted.
        show: Somebody asks the front for the metrics of the whole service: the number of the question, and
            the formats that are accepted.
    """

    figures: Callable[[bytes], None]
    show: Callable[[Front, int, str], None]


class Front:
    """A front that is about to start, runs, or has ended.

    Attributes:
        link: The owner's end of the socket.
        pid: Of its process; 0 before there is one.
        is_ready: Whether it has said that it takes calls.
    """

    def __init__(self, methods: list[Method], told: Told) -> None:
        self._told = told
        self._heard = asyncio.Event()
        self._lost = asyncio.Event()
        self._refusal: str | None = None
        self._counted: asyncio.Future[None] | None = None
        self._process: Process | None = None
        self.pid = 0
        self.is_ready = False
        self.link = Answering(
            methods,
            {
                Kind.READY: self._take_ready,
                Kind.REFUSED: self._take_refused,
                Kind.FIGURES: self._take_figures,
                Kind.SHOW: lambda number, data, start, end: told.show(self, number, data[start:end].decode()),
            },
            self._take_loss,
        )

    async def start(self, command: Sequence[str], setting: Callable[[int], FrontSetting]) -> None:
        """Start the process and wait until it takes calls.

        Args:
            command: The program; its last argument is added here.
            setting: Gives it, by the descriptor of the front's end of the socket.

        Raises:
            ConfigurationError: It cannot listen, or ended before it did.
        """
        mine, its = socket.socketpair()
        with its:
            loop = asyncio.get_running_loop()
            await loop.create_unix_connection(lambda: self.link, sock=mine)
            told = setting(its.fileno())
            self._process = await asyncio.create_subprocess_exec(
                *command,
                told.written(),
                stdin=DEVNULL,
                stdout=_STDERR,
                pass_fds=(told.relay_fd, told.http_fd),
                # it finds modules where this process finds them
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            self.pid = self._process.pid
        await self._heard.wait()
        if not self.is_ready:
            raise ConfigurationError(self._refusal or "a front process ended before it took calls")

    async def ended(self) -> int:
        """Wait for its end; gives the exit code of the process."""
        await self._lost.wait()
        if self._process is None:
            return 0
        try:
            return await asyncio.wait_for(self._process.wait(), _END_S)
        except TimeoutError:
            self.kill()
            return await self._process.wait()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
        self.link.close()

    async def count(self) -> None:
        """Have it tell its figures."""
        if self._lost.is_set():
            return
        if self._counted is None:
            self._counted = asyncio.get_running_loop().create_future()
            self.link.send(Kind.COUNT, 0)
        await asyncio.shield(self._counted)

    def _take_ready(self, _number: int, _data: bytes, _start: int, _end: int) -> None:
        self.is_ready = True
        self._heard.set()

    def _take_refused(self, _number: int, data: bytes, start: int, end: int) -> None:
        self._refusal = data[start:end].decode()

    def _take_figures(self, _number: int, data: bytes, start: int, end: int) -> None:
        self._told.figures(data[start:end])
        self._end_count()

    def _end_count(self) -> None:
        if self._counted is not None:
            self._counted.set_result(None)
            self._counted = None

    def _take_loss(self) -> None:
        self._heard.set()
        self._lost.set()
        self._end_count()
