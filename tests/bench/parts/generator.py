"""Our load generator beside Debian's h2load, both before the echo servers: neither may be the limit."""

from __future__ import annotations

import asyncio
import re
import resource
import shutil
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from time import perf_counter

from tests.bench.measurement import Entrant, Figures, LeftOutError, Options, Session
from tests.bench.meter import Meter
from tests.bench.rates import BATCHES_IN_FLIGHT, IN_FLIGHT, closed
from tests.bench.servers import Server, echo_server, http_echo_server
from tests.bench.target import Target
from tests.bench.workloads import BATCH, Users

__all__ = ["run"]

_RATE = re.compile(r"finished in .*, ([\d.]+) req/s")
_SUCCEEDED = re.compile(r"requests: .* (\d+) done, (\d+) succeeded")


async def run(session: Session) -> None:
    """Measure single calls, batches and HTTP, by ours and by h2load."""
    program = shutil.which("h2load")
    if program is None:
        raise LeftOutError("there is no h2load (Debian: nghttp2-client)")
    options, folder = session.options, session.folder
    users = Users(options.users)
    async with echo_server(folder) as grpc, http_echo_server(folder) as http:
        cases = (
            ("repeat", grpc, grpc.target("Identify"), ("-c1", f"-m{IN_FLIGHT}"), 1),
            ("batch-repeat", grpc, grpc.target("BatchResolve"), ("-c1", f"-m{BATCHES_IN_FLIGHT}"), BATCH),
            ("http-repeat", http, http.http_target(), ("--h1", f"-c{IN_FLIGHT}", "-m1"), 1),
        )
        groups = []
        for case, server, target, flags, resolutions in cases:
            message = folder / case
            message.write_bytes(users.messages(case)())
            command = (program, *flags, *_headers(target), "-d", str(message))
            groups.append(
                [
                    closed(options, case, "ours", [server], users),
                    _h2load(options, case, command, server, target, resolutions),
                ]
            )
        await session.alternate(*groups)


def _headers(target: Target) -> Sequence[str]:
    if target.is_http:
        return ("-H", "content-type: application/json")
    return ("-H", "content-type: application/grpc", "-H", "te: trailers")


def _h2load(
    options: Options, case: str, command: Sequence[str], server: Server, target: Target, resolutions: int
) -> Entrant:
    async def measure() -> Figures:
        meter = Meter(server.pid)
        begun, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        meter.begin()
        process = await asyncio.create_subprocess_exec(
            *command,
            f"--duration={max(1, round(options.seconds))}",
            "--warm-up-time=1",
            f"http://{target.host}:{target.port}{target.path}",
            stdout=PIPE,
        )
        output = (await process.communicate())[0].decode()
        meter.end()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        rate, counts = _RATE.search(output), _SUCCEEDED.search(output)
        if rate is None or counts is None:
            raise LeftOutError(f"h2load says something else than expected: {output[-300:]}")
        elapsed_s = perf_counter() - begun
        used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {
            "per_s": float(rate[1]) * resolutions,
            # the warm-up, which h2load does not count, costs as much as what it counts
            "cpu_us": meter.used_s / elapsed_s / (float(rate[1]) * resolutions) * 1e6,
            "failed": int(counts[1]) - int(counts[2]),
            "load": used_s / elapsed_s,
        }

    return Entrant(case, "h2load", measure)
