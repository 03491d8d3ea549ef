"""What the gateway counts is shown as the metrics library would have counted it."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from idsync.gateway.meters import GONE, Meters

ANSWERS = [
    ("/v1/identify", 200, 0.0004),
    ("/v1/identify", 200, 0.0005),
    ("/v1/identify", 429, 0.3),
    ("/v1/identify", GONE, 99.0),
    ("none", 404, 0.001),
]
BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def test_it_counts_like_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, labels, bounds, sums: whoever reads the page cannot tell who counted."""
    monkeypatch.setattr("time.time", lambda: 1795295999.0)
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    meters = Meters(ours)
    counter = Counter(
        "idsync_http_requests",
        "HTTP requests answered, preflights included.",
        ("route", "status"),
        registry=theirs,
    )
    histogram = Histogram(
        "idsync_http_request_seconds",
        "Time from a request's arrival to the end of its answer.",
        ("route",),
        buckets=BUCKETS_S,
        registry=theirs,
    )
    for route, status, duration_s in ANSWERS:
        meters.answered(route, status, duration_s)
        counter.labels(route, "gone" if status == GONE else str(status)).inc()
        histogram.labels(route).observe(duration_s)

    assert sorted(generate_latest(ours).splitlines()) == sorted(generate_latest(theirs).splitlines())
