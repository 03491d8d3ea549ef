"""What is counted of processing; labels are words of ours, never values."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from idsync.pipeline.runner.group import Worked
from idsync.pipeline.store.work import Figures

__all__ = ["RunnerMeters"]

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)


class RunnerMeters:
    """All metrics of the runner."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics; one runner a registry."""
        batches = Counter(
            "idsync_pipeline_batches",
            "Batches that had their turn, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self._processed = batches.labels("processed")
        self._moved = batches.labels("moved")
        self._held = batches.labels("held")
        self._dead = batches.labels("dead_letter")
        self._warnings = Counter(
            "idsync_pipeline_warnings",
            "What was refused of batches that were processed.",
            ("cause",),
            registry=registry,
        )
        self._failures = Counter(
            "idsync_pipeline_failures",
            "Groups of batches that have to come again as a whole.",
            ("cause",),
            registry=registry,
        )
        self._waiting = Gauge(
            "idsync_pipeline_waiting", "Batches that wait, and where.", ("place",), registry=registry
        )
        self._seconds = Histogram(
            "idsync_pipeline_seconds",
            "From the moment a batch was received to the moment its effects were on disk.",
            buckets=_BUCKETS_S,
            registry=registry,
        )

    def settled(self, worked: Worked, now_ms: int) -> None:
        """Count a group that was written."""
        settlement = worked.settlement
        self._processed.inc(len(settlement.done))
        self._moved.inc(len(settlement.moved))
        self._held.inc(len(settlement.holds))
        self._dead.inc(len(settlement.dead))
        for batch in settlement.done:
            self._seconds.observe(max(0, now_ms - batch.received_ms) / 1_000)
        self.warned(worked.warnings)

    def warned(self, causes: Iterable[str]) -> None:
        """Count what was refused."""
        for cause in causes:
            self._warnings.labels(cause).inc()

    def failed(self, cause: str) -> None:
        """Count a group that has to come again."""
        self._failures.labels(cause).inc()

    def waiting(self, figures: Figures) -> None:
        """Show how much waits."""
        self._waiting.labels("queue").set(figures.queued)
        self._waiting.labels("hold").set(figures.held)
        self._waiting.labels("dead_letter").set(figures.dead)
