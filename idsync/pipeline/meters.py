"""What is counted of events; labels are words of ours, never values."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from idsync.model.events import Batch, BatchRefusedError, Channel, Stored

__all__ = ["Meters"]


class Meters:
    """All counters of the pipeline."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics; one pipeline a registry."""
        self._batches = Counter(
            "idsync_event_batches",
            "Batches of events, by what became of them.",
            ("channel", "outcome"),
            registry=registry,
        )
        self._events = Counter(
            "idsync_events", "Events that came in kept batches.", ("channel",), registry=registry
        )
        self._dropped = Counter(
            "idsync_events_dropped",
            "Events of kept batches that could not be read.",
            ("channel",),
            registry=registry,
        )

    def stored(self, batch: Batch, outcome: Stored) -> None:
        """Count a batch that was handed to the store."""
        channel = batch.channel.value
        self._batches.labels(channel, outcome.value).inc()
        if outcome is Stored.ACCEPTED:
            self._events.labels(channel).inc(len(batch.events))
            self._dropped.labels(channel).inc(batch.dropped_events)

    def refused(self, channel: Channel, error: BatchRefusedError) -> None:
        """Count a batch that was refused, by its cause."""
        self._batches.labels(channel.value, error.cause).inc()
