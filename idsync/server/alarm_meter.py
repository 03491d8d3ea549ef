"""How many alarms of the radar stand; labels are names of the contract and of scopes, never values."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from idsync.resolve.watch import Watch

__all__ = ["AlarmMeter"]


class AlarmMeter(Collector):
    """Shows what the last review of a watch counted."""

    def __init__(self, registry: CollectorRegistry, watch: Watch) -> None:
        self._watch = watch
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Show it, as the metrics library asks for it."""
        alarms = GaugeMetricFamily(
            "idsync_radar_alarms",
            "Values above a limit of the radar, as of the last minute.",
            labels=("scope", "type", "limit"),
        )
        for (scope, identity_type, flag), count in sorted(self._watch.standing.items()):
            alarms.add_metric((scope, identity_type.wire_name, flag.name.lower()), count)
        yield alarms
