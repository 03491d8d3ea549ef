"""Two ways to put a server under load: as fast as it answers, or at a rate of its own."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from math import inf, nan
from time import perf_counter, process_time
from typing import Protocol

from tests.bench.target import Connection, Target
from tests.bench.ticker import Ticker

__all__ = ["Sample", "Window", "closed_loop", "open_loop"]

DRAIN_S = 20.0
TICK_S = 0.0002


class Window(Protocol):
    """Told when the counted part of a run begins and ends, to measure the server meanwhile."""

    def begin(self) -> None:
        """The warm-up is over."""

    def end(self) -> None:
        """Nothing counts any more."""


@dataclass
class Sample:
    """What one run saw. `own_cpu_share` is the load generator's: near 1 it was the limit, not the server."""

    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    failed: int = 0
    elapsed_s: float = 0.0
    own_cpu_share: float = 0.0

    @property
    def per_s(self) -> float:
        """Successful calls a second."""
        return len(self.latencies_s) / self.elapsed_s

    def percentile_ms(self, share: float) -> float:
        """Give the latency that `share` of the calls kept, in milliseconds; NaN without any.

        A call that failed was never answered: its latency has no end.
        """
        ordered = sorted(self.latencies_s)
        at = min(len(ordered) + self.failed - 1, int(share * (len(ordered) + self.failed)))
        if at < 0:
            return nan
        return ordered[at] * 1000 if at < len(ordered) else inf


class _Run:
    """The calls of one run over its connections, some of which are counted."""

    def __init__(self, window: Window, refill: Callable[[], bytes] | None = None) -> None:
        self.sample = Sample()
        self.refill = refill
        self.connections: list[Connection] = []
        self._window = window
        self._count_from: float | None = None
        self._idle = asyncio.Event()
        self._since = self._cpu_since = 0.0

    async def connect(self, targets: Sequence[Target], connections: int) -> None:
        """Open the connections, spread evenly over the targets."""
        for at, target in zip(range(connections), cycle(targets), strict=False):
            self.connections.append(await target.connect(partial(self._answered, at)))

    def begin(self, count_from: float) -> None:
        """Count the calls that begin at `count_from` (`perf_counter`) or later."""
        self._window.begin()
        self._count_from = count_from
        self._since, self._cpu_since = perf_counter(), process_time()

    def end(self) -> None:
        """Stop counting."""
        self._count_from = None
        self.sample.elapsed_s = perf_counter() - self._since
        self.sample.own_cpu_share = (process_time() - self._cpu_since) / self.sample.elapsed_s
        self._window.end()

    def _answered(self, at: int, begun: float, ended: float, succeeded: bool) -> None:
        connection = self.connections[at]
        if not succeeded:
            self.sample.failed += 1
        elif self._count_from is not None and begun >= self._count_from:
            self.sample.latencies_s.append(ended - begun)
        if self.refill is not None and connection.lost is None:
            connection.start(self.refill(), ended)
        elif not connection.under_way:
            self._idle.set()

    async def drain(self) -> None:
        """Wait for the calls still open; those that never end count as failed."""
        self.refill = None
        try:
            async with asyncio.timeout(DRAIN_S):
                while any(connection.under_way for connection in self.connections):
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            self.sample.failed += sum(connection.under_way for connection in self.connections)
        for connection in self.connections:
            connection.close()


async def closed_loop(
    targets: Sequence[Target],
    next_message: Callable[[], bytes],
    window: Window,
    *,
    in_flight: int,
    seconds: float,
    warm_up_s: float,
    connections: int = 1,
) -> Sample:
    """Keep `in_flight` calls open over some connections: each answer is followed by the next call at once.

    Answers that come in the `seconds` after the first `warm_up_s` count.
    """
    run = _Run(window, refill=next_message)
    await run.connect(targets, connections)
    for _, connection in zip(range(in_flight), cycle(run.connections), strict=False):
        connection.start(next_message(), perf_counter())
    for connection in run.connections:
        connection.flush()
    await asyncio.sleep(warm_up_s)
    run.begin(count_from=0.0)
    await asyncio.sleep(seconds)
    run.end()
    await run.drain()
    return run.sample


async def open_loop(
    target: Target,
    next_message: Callable[[], bytes],
    window: Window,
    *,
    rate_per_s: float,
    seconds: float,
    warm_up_s: float,
) -> Sample:
    """Send `rate_per_s` calls a second over one connection, whatever the answers do; see `closed_loop`.

    A latency runs from the moment a call was due, not from when it could be sent: a server that stalls is
    charged for everybody it kept waiting (no coordinated omission). Every call due after the warm-up counts,
    however late its answer.
    """
    run = _Run(window)
    await run.connect([target], 1)
    [connection] = run.connections
    start = perf_counter()
    counted = start + warm_up_s
    due = (start + number / rate_per_s for number in range(int(rate_per_s * (warm_up_s + seconds))))
    upcoming = next(due, None)
    all_sent = asyncio.Event()

    def send_due() -> None:
        nonlocal upcoming
        now = perf_counter()
        while upcoming is not None and upcoming <= now and connection.lost is None:
            connection.start(next_message(), upcoming)
            upcoming = next(due, None)
        connection.flush()
        if upcoming is None or connection.lost is not None:
            all_sent.set()

    with Ticker(TICK_S, send_due):
        await asyncio.sleep(warm_up_s)
        run.begin(counted)
        await all_sent.wait()
    await run.drain()
    run.end()
    return run.sample
