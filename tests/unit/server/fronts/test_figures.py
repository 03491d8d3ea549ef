"""What fronts count is added up, and never goes back when one of them dies."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

from idsync.server.fronts.figures import FrontFigures, figures_of


class Counting:
    """One front's own metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter("calls", "Calls.", ("route",), registry=self.registry)
        self.seconds = Histogram("took", "Time.", buckets=(1, 2), registry=self.registry)

    def count(self, route: str, seconds: float) -> None:
        self.calls.labels(route).inc()
        self.seconds.observe(seconds)


@pytest.fixture
def shown() -> CollectorRegistry:
    """What /metrics shows."""
    return CollectorRegistry()


def test_all_fronts_are_added_up(shown: CollectorRegistry) -> None:
    figures = FrontFigures(2, shown)
    one, two = Counting(), Counting()
    for front, route, seconds in ((one, "a", 0.5), (one, "b", 1.5), (two, "a", 5.0)):
        front.count(route, seconds)
    for _ in range(2):
        figures.told(0, figures_of(one.registry))
        figures.told(1, figures_of(two.registry))

    assert shown.get_sample_value("calls_total", {"route": "a"}) == 2
    assert shown.get_sample_value("calls_total", {"route": "b"}) == 1
    assert [shown.get_sample_value("took_bucket", {"le": le}) for le in ("1.0", "2.0", "+Inf")] == [1, 2, 3]
    assert shown.get_sample_value("took_sum") == 7.0
    assert b"_created" not in generate_latest(shown)


def test_a_front_that_died_is_not_forgotten(shown: CollectorRegistry) -> None:
    figures = FrontFigures(2, shown)
    first, second = Counting(), Counting()
    first.count("a", 1)
    figures.serves(0)
    figures.serves(1)
    figures.told(0, figures_of(first.registry))
    cpu = shown.get_sample_value("idsync_process_cpu_seconds_total", {"process": "front-1"})
    figures.died(0)
    serving = shown.get_sample_value("idsync_fronts")
    figures.serves(0)
    second.count("a", 1)
    figures.told(0, figures_of(second.registry))

    assert (serving, shown.get_sample_value("idsync_fronts")) == (1, 2)
    assert shown.get_sample_value("calls_total", {"route": "a"}) == 2
    assert [
        shown.get_sample_value("idsync_front_restarts_total", {"front": front}) for front in ("1", "2")
    ] == [1, 0]
    both = shown.get_sample_value("idsync_process_cpu_seconds_total", {"process": "front-1"})
    assert cpu
    assert both
    assert both > cpu
