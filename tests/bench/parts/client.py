"""`idsync.client` with many concurrent callers in one process, beside single calls of the echo server."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Final

import orjson

from tests.bench.client_load import Seen, Work
from tests.bench.measurement import Entrant, Figures, Options, Session
from tests.bench.meter import Meter
from tests.bench.rates import SETTLE_S, closed, introduce
from tests.bench.servers import KEY, SECRET, Server, echo_server, service
from tests.bench.workloads import Users

__all__ = ["run"]

_CALLERS: Final = 256
_EACH: Final = 10_000_000
"""So many numbers of new users has each run to itself."""
_PATIENCE_S: Final = 120.0


async def run(session: Session) -> None:
    """Measure 256 callers, 80/20, in alternation with the unary echo."""
    options, folder = session.options, session.folder
    async with echo_server(folder) as echo, service(folder) as ours:
        users = Users(options.users)
        await introduce(ours, users)
        await session.alternate([closed(options, "repeat", "echo", [echo], users), _callers(options, ours)])


def _callers(options: Options, server: Server) -> Entrant:
    fresh = count(_EACH, _EACH)

    async def measure() -> Figures:
        task = Work(
            address=server.addresses["grpc"],
            key=KEY,
            secret=SECRET,
            users=options.users,
            fresh_from=next(fresh),
            callers=_CALLERS,
            warm_up_s=options.warm_up_s,
            seconds=options.seconds,
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.client_load",
            orjson.dumps(asdict(task)).decode(),
            stdout=PIPE,
            cwd=Path(__file__).parents[3],
        )
        meter = Meter(server.pid, process.pid)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                assert process.stdout is not None
                await process.stdout.readline()
                meter.begin()
                seen = Seen(**orjson.loads(await process.stdout.readline()))
                meter.end()
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        used_s = meter.used_s - meter.used_by.get(process.pid, 0.0)
        later_s = await Meter(server.pid).settle(SETTLE_S)
        answered = max(1, seen.answered)
        return {
            "per_s": seen.answered / seen.elapsed_s,
            "p50_ms": seen.p50_ms,
            "p99_ms": seen.p99_ms,
            "cpu_us": used_s / answered * 1e6,
            "later_us": later_s / answered * 1e6,
            "total_us": (used_s + later_s) / answered * 1e6,
            "failed": seen.failed,
            "load": seen.cpu_share,
            "others": meter.others_cores,
        }

    return Entrant("mixed", "client", measure)
