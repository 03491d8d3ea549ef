"""The processes of one service, and callers that each have a connection of their own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import grpc

from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import CONFIGURATION, SHOP
from tests.e2e.http_process import HttpProcess
from tests.e2e.identity_requests import login, search

FLAGS: Final = ("--processes", "2")
SERVED: Final = CONFIGURATION + "\n[limits]\nrequests_per_second_total = 1000000\n"
"""With a limit that nobody reaches, so that its use is told."""
CALLERS: Final = 16
LOGIN: Final = "/idsync.v1.IdentityService/Login"
DEADLINE_S: Final = 60.0
LOOK_S: Final = 0.02
"""Between two looks; whoever looks all the time takes the processor from those he waits for."""


def fronts_of(service: HttpProcess) -> set[int]:
    """Name the front processes that live."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text().rpartition(")")[2].split()
                # the owner may have a process that folds as well
                is_front = b"idsync.cli.front" in (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if is_front and int(status[1]) == service.process.pid and status[0] != "Z":
                found.add(int(folder.name))
    return found


def is_alive(pid: int) -> bool:
    """Say whether a process runs, which is more than waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something outside this process, of which nobody tells us."""
    never = asyncio.Event()
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            with suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), LOOK_S)


@asynccontextmanager
async def connection(address: str) -> AsyncIterator[Any]:
    """Connect; gRPC would let all channels to one address share a single connection."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        yield channel


class Load:
    """Callers who sign up one person after the other.

    Attributes:
        acknowledged: The MPID of everybody whose login was answered.
        failures: How the calls of each caller failed.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._enough = False
        self._goal = 0
        self._reached = asyncio.Event()
        self.acknowledged: dict[str, int] = {}
        self.failures: dict[int, list[grpc.StatusCode]] = {number: [] for number in range(CALLERS)}

    async def run(self, *, until_failure: bool = False) -> None:
        """Call until told that it is enough, or until a call of each fails."""
        await asyncio.gather(*(self._caller(number, until_failure) for number in range(CALLERS)))

    async def _caller(self, number: int, until_failure: bool) -> None:
        async with connection(self._address) as channel:
            call = channel.unary_unary(LOGIN)
            for count in range(1_000_000):
                if self._enough:
                    return
                name = f"p{number}-{count}"
                request = login(customerid=name, ios_idfv=f"d {name}").SerializeToString()
                try:
                    answer = await call(request, metadata=SHOP.metadata(), timeout=DEADLINE_S)
                except grpc.aio.AioRpcError as error:
                    self.failures[number].append(error.code())
                    if until_failure:
                        return
                else:
                    self.acknowledged[name] = pb.LoginResponse.FromString(answer).mpid
                    if len(self.acknowledged) >= self._goal:
                        self._reached.set()

    async def more(self, count: int) -> None:
        """Wait until so many more are acknowledged."""
        self._goal = len(self.acknowledged) + count
        self._reached.clear()
        async with asyncio.timeout(DEADLINE_S):
            await self._reached.wait()

    def end(self) -> None:
        """It is enough."""
        self._enough = True


async def find_again(address: str, acknowledged: dict[str, int]) -> dict[str, int]:
    """Ask for everybody anew; gives those who are somebody else now, or unknown."""
    names = list(acknowledged)
    async with connection(address) as channel:
        call = channel.unary_unary("/idsync.v1.IdentityService/BatchResolve")
        changed: dict[str, int] = {}
        for start in range(0, len(names), 500):
            some = names[start : start + 500]
            calls = [pb.ResolveCall(search=search(customerid=name)) for name in some]
            request = pb.BatchResolveRequest(calls=calls).SerializeToString()
            answer = pb.BatchResolveResponse.FromString(await call(request, metadata=SHOP.metadata()))
            found = zip(some, answer.results, strict=True)
            changed |= {n: r.search.mpid for n, r in found if r.search.mpid != acknowledged[n]}
    return changed


def figure(service: HttpProcess, name: str) -> float:
    """Read one figure that /metrics shows."""
    page = service.line().get("/metrics").body.decode()
    shown = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    return float(shown[1]) if shown else 0.0
