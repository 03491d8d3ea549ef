"""What is counted of each answer, in plain numbers that are shown when somebody asks.

A counter object of the metrics library takes a lock and checks its arguments for every call.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

__all__ = ["GONE", "Meters"]

_BUCKETS_S: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_BOUNDS: Final = (*map(floatToGoString, _BUCKETS_S), "+Inf")
GONE: Final = 0
"""Stands for the status where the caller went away before there was one."""


class _Route:
    """The answers of one route, counted on the one loop that serves."""

    __slots__ = ("answers", "created_s", "durations", "total_s")

    def __init__(self) -> None:
        self.answers: defaultdict[int, int] = defaultdict(int)
        self.durations = [0] * len(_BOUNDS)
        self.total_s = 0.0
        self.created_s = time.time()


class Meters(Collector):
    """All counters of a gateway; labels are lines of its table, never values."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics; one gateway a registry."""
        self._routes: defaultdict[str, _Route] = defaultdict(_Route)
        registry.register(self)

    def answered(self, route: str, status: int, duration_s: float) -> None:
        """Count one answer.

        Args:
            route: The line of the table.
            status: The HTTP status, or `GONE`.
            duration_s: From the request's arrival to the end of its answer, in seconds.
        """
        counted = self._routes[route]
        counted.answers[status] += 1
        counted.durations[bisect_left(_BUCKETS_S, duration_s)] += 1
        counted.total_s += duration_s

    def collect(self) -> Iterator[Metric]:
        """Show everything, as the metrics library asks for it."""
        answers = CounterMetricFamily(
            "idsync_http_requests", "HTTP requests answered, preflights included.", labels=("route", "status")
        )
        seconds = HistogramMetricFamily(
            "idsync_http_request_seconds",
            "Time from a request's arrival to the end of its answer.",
            labels=("route",),
        )
        for route, counted in self._routes.items():
            for status, count in counted.answers.items():
                label = "gone" if status == GONE else str(status)
                answers.add_metric((route, label), count, created=counted.created_s)
            buckets = list(zip(_BOUNDS, accumulate(counted.durations), strict=True))
            seconds.add_metric((route,), buckets, counted.total_s)
            seconds.add_sample(f"{seconds.name}_created", {"route": route}, counted.created_s)
        yield from (answers, seconds)
