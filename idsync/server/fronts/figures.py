"""What fronts count, told to the owner as bytes and shown as figures of one service."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["FrontFigures", "figures_of"]

_CREATED: Final = "_created"
_CPU: Final = "cpu_s"
_FAMILIES: Final = "families"

_Sample = tuple[str, tuple[tuple[str, str], ...]]
"""The name and labels of a figure."""


def figures_of(registry: CollectorRegistry) -> bytes:
    """Write down what this process has counted, and its processor time."""
    families = [
        [
            family.name,
            family.documentation,
            family.type,
            [[s.name, s.labels, s.value] for s in family.samples],
        ]
        for family in registry.collect()
    ]
    return json.dumps({_CPU: time.process_time(), _FAMILIES: families}).encode()


class _Tally:
    """Sums, each of a counter or of a part of a histogram."""

    def __init__(self) -> None:
        self.cpu_s = 0.0
        self.families: dict[str, tuple[str, str]] = {}
        self.samples: defaultdict[str, dict[_Sample, float]] = defaultdict(dict)

    def add(self, other: _Tally) -> None:
        """Add what another has counted."""
        self.cpu_s += other.cpu_s
        self.families |= other.families
        for name, samples in other.samples.items():
            mine = self.samples[name]
            for sample, value in samples.items():
                mine[sample] = mine.get(sample, 0.0) + value

    @classmethod
    def read(cls, written: bytes) -> _Tally:
        """Read what `figures_of` wrote."""
        read = json.loads(written)
        tally = cls()
        tally.cpu_s = read[_CPU]
        for name, documentation, kind, samples in read[_FAMILIES]:
            tally.families[name] = (documentation, kind)
            for sample, labels, value in samples:
                # when a counter began is no figure that could be added up
                if not sample.endswith(_CREATED):
                    tally.samples[name][sample, tuple(labels.items())] = value
        return tally


class FrontFigures(Collector):
    """The figures of all fronts, those that died included: a counter never goes back.

    What a front counted since it was last asked is lost when it dies.
    """

    def __init__(self, count: int, registry: CollectorRegistry) -> None:
        self._past = [_Tally() for _ in range(count)]
        self._current = [_Tally() for _ in range(count)]
        self._restarts = [0] * count
        self._serving = [False] * count
        registry.register(self)

    def told(self, front: int, figures: bytes) -> None:
        """Take what a front has counted so far."""
        self._current[front] = _Tally.read(figures)

    def serves(self, front: int) -> None:
        """Take note that a front takes calls."""
        self._serving[front] = True

    def died(self, front: int) -> None:
        """Take note that a front is no more, and will be started anew."""
        self._past[front].add(self._current[front])
        self._current[front] = _Tally()
        self._serving[front] = False
        self._restarts[front] += 1

    def collect(self) -> Iterator[Metric]:
        """Show everything, as the metrics library asks for it."""
        yield GaugeMetricFamily("idsync_fronts", "Front processes that take calls.", sum(self._serving))
        restarts = CounterMetricFamily(
            "idsync_front_restarts", "Front processes that died and were started anew.", labels=("front",)
        )
        seconds = CounterMetricFamily(
            "idsync_process_cpu_seconds", "Processor time of each process.", labels=("process",)
        )
        seconds.add_metric(("owner",), time.process_time())
        whole = _Tally()
        for number, tallies in enumerate(zip(self._past, self._current, strict=True)):
            for tally in tallies:
                whole.add(tally)
            restarts.add_metric((str(number + 1),), self._restarts[number])
            seconds.add_metric((f"front-{number + 1}",), sum(tally.cpu_s for tally in tallies))
        yield from (restarts, seconds)
        yield from _families(whole)


def _families(tally: _Tally) -> Iterable[Metric]:
    for name, (documentation, kind) in tally.families.items():
        family = Metric(name, documentation, kind)
        for (sample, labels), value in tally.samples[name].items():
            family.add_sample(sample, dict(labels), value)
        yield family
