"""Compares ways to serve our real methods: `python -m tests.bench.serving`.

Each has its own process and durable store and knows the same users; rounds alternate between all of them and
the frozen echo server, and ratios to it are taken within a round: their median, and the smallest and largest.
"CPU µs" is the server's processor time for a call, "later" what it had put off, "load" the share of one core
that the load generator took (near 100 % it was the limit), "others" how many cores something else used.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

import uvloop

from tests.bench.meter import Meter, quiet
from tests.bench.servers import echo_server
from tests.bench.serving.candidates import CANDIDATES, LeftOutError, Running, running
from tests.bench.serving.pressure import introduce, press
from tests.bench.workloads import Users

_WARM_UP_S: Final = 0.4
_SETTLE_S: Final = 20.0
_LOADS: Final[dict[str, Callable[[Users], Callable[[], bytes]]]] = {
    "repeated identify": lambda users: lambda: users.identify(users.any_known()),
    "80 % repeated, 20 % new": lambda users: lambda: users.identify(users.mixed()),
    "new people": lambda users: lambda: users.identify(users.new()),
}


@dataclass(frozen=True)
class _Figures:
    """What one server did under one load in one round."""

    round: int
    load: str
    server: str
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    later_us: float
    failed: int
    generator: float
    others: float


@dataclass
class _Entrant:
    server: Running
    authorization: str | None
    users: Users
    meter: Meter


def main() -> None:
    """Measure what the command line asks for; exit 1 if a call failed or somebody was left out."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.serving", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="counted time of each measurement")
    parser.add_argument("--in-flight", type=int, default=64, help="calls open at any moment")
    parser.add_argument("--users", type=int, default=10_000, help="users known before")
    parser.add_argument(
        "--patience-s", type=float, default=5.0, help="wait so long for quiet before each one"
    )
    parser.add_argument("--only", nargs="+", choices=list(CANDIDATES), default=list(CANDIDATES))
    parser.add_argument("--out", type=Path, help="file for all figures as JSON")
    arguments = parser.parse_args()
    found, left_out = uvloop.run(_compare(arguments))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps([asdict(figures) for figures in found], indent=2) + "\n")
    sys.stdout.write(_table(found))
    for name, reason in left_out.items():
        sys.stdout.write(f"\nLeft out: {name}: {reason}\n")
    sys.exit(1 if left_out or any(figures.failed for figures in found) else 0)


async def _compare(arguments: argparse.Namespace) -> tuple[list[_Figures], dict[str, str]]:
    found: list[_Figures] = []
    left_out: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idsync-serving-")))
        echo = await stack.enter_async_context(echo_server(folder))
        target = echo.target("Identify")
        yardstick = Running(echo.pid, target.host, target.port)
        entrants = {"echo": _Entrant(yardstick, None, Users(arguments.users), Meter(echo.pid))}
        for name in arguments.only:
            home = folder / name
            home.mkdir()
            try:
                server = await stack.enter_async_context(running(CANDIDATES[name], home))
            except LeftOutError as error:
                left_out[name] = str(error)
                continue
            entrants[name] = _Entrant(server, server.authorization, Users(arguments.users), Meter(server.pid))
            await introduce(server, entrants[name].users)
            await entrants[name].meter.settle(_SETTLE_S)
        for number in range(arguments.rounds):
            names = list(entrants) if number % 2 == 0 else list(reversed(entrants))
            for load in _LOADS:
                for name in names:
                    _say(f"round {number + 1} of {arguments.rounds}: {load}, {name}")
                    found.append(await _measure(arguments, number, load, name, entrants[name]))
    _say("")
    return found, left_out


async def _measure(
    arguments: argparse.Namespace, number: int, load: str, name: str, entrant: _Entrant
) -> _Figures:
    await quiet(arguments.patience_s)
    sample = await press(
        entrant.server,
        entrant.authorization,
        _LOADS[load](entrant.users),
        entrant.meter,
        in_flight=arguments.in_flight,
        seconds=arguments.seconds,
        warm_up_s=_WARM_UP_S,
    )
    later_s = await entrant.meter.settle(_SETTLE_S)
    answered = max(1, len(sample.latencies_s))
    return _Figures(
        round=number,
        load=load,
        server=name,
        per_s=sample.per_s,
        p50_ms=sample.percentile_ms(0.50),
        p99_ms=sample.percentile_ms(0.99),
        cpu_us=entrant.meter.used_s / answered * 1e6,
        later_us=later_s / answered * 1e6,
        failed=sample.failed,
        generator=sample.own_cpu_share,
        others=entrant.meter.others_cores,
    )


def _table(found: list[_Figures]) -> str:
    lines = [
        "| load | server | calls/s | to echo | p50 ms | p99 ms | CPU µs | later | failed | load | others |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for load in _LOADS:
        echo = {f.round: f.per_s for f in found if f.load == load and f.server == "echo"}
        for server in dict.fromkeys(f.server for f in found):
            group = [f for f in found if f.load == load and f.server == server]
            ratios = [f.per_s / echo[f.round] for f in group]
            lines.append(
                f"| {load} | {server} | {median(f.per_s for f in group):,.0f} "
                f"| {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
                f"| {median(f.p50_ms for f in group):.2f} | {median(f.p99_ms for f in group):.2f} "
                f"| {median(f.cpu_us for f in group):.0f} | {median(f.later_us for f in group):.0f} "
                f"| {sum(f.failed for f in group)} | {median(f.generator for f in group):.0%} "
                f"| {median(f.others for f in group):.1f} |"
            )
    return "\n".join(lines) + "\n"


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
