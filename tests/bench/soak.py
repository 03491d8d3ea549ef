"""A table that grows: new people all the time, and figures every few seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

from tests.bench.load import closed_loop
from tests.bench.measurement import Figures, figures_of
from tests.bench.meter import Meter, memory_bytes
from tests.bench.rates import IN_FLIGHT
from tests.bench.servers import Server, service
from tests.bench.workloads import Users

__all__ = ["COLUMNS", "line", "soak"]

_MIB: Final = 1 << 20
_SETTLE_S: Final = 10.0
COLUMNS: Final = ("at_s", "people", "per_s", "p50_ms", "p99_ms", "cpu_us", "rss_mib", "tables_mib", "log_mib")


async def soak(folder: Path, seconds: float, every_s: float, tell: Callable[[Figures], None]) -> None:
    """Send new people as fast as they are taken, on a fresh embedded store.

    Args:
        folder: Where the store goes.
        seconds: How long.
        every_s: Time from one line of figures to the next.
        tell: Told each line; sizes are those at its end, waiting calls and the fold included.
    """
    async with service(folder) as server:
        users = Users(0)
        begun = perf_counter()
        sent = 0
        while perf_counter() - begun < seconds:
            meter = Meter(server.pid)
            sample = await closed_loop(
                [server.target("Identify")],
                users.messages("new"),
                meter,
                in_flight=IN_FLIGHT,
                seconds=min(every_s, seconds),
                warm_up_s=0.0,
            )
            sent += len(sample.latencies_s)
            figures = figures_of(sample, meter, 0.0)
            tell({**figures, "at_s": perf_counter() - begun, "people": sent, **_sizes(server, folder)})
        settled_s = await Meter(server.pid).settle(_SETTLE_S)
        tell({"at_s": perf_counter() - begun, "people": sent, "later_s": settled_s, **_sizes(server, folder)})


def _sizes(server: Server, folder: Path) -> Figures:
    resident, peak = memory_bytes(server.pid)
    sizes = {path.name: path.stat().st_size for path in (folder / "service").iterdir()}
    log = sum(size for name, size in sizes.items() if ".log" in name)
    return {
        "rss_mib": resident / _MIB,
        "peak_mib": peak / _MIB,
        "tables_mib": (sum(sizes.values()) - log) / _MIB,
        "log_mib": log / _MIB,
    }


def line(figures: Figures, columns: Sequence[str] = COLUMNS) -> str:
    """Write figures as a row of a table."""
    return "| " + " | ".join(f"{figures[c]:,.1f}" if c in figures else "" for c in columns) + " |"
