"""Which version of its settings each scope has, as metrics."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from idsync.server.switch.switch import Switch

__all__ = ["VersionMeters"]


class VersionMeters(Collector):
    """Shows versions by scope when somebody asks."""

    def __init__(self, registry: CollectorRegistry, switch: Switch) -> None:
        self._switch = switch
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Show them all."""
        current = GaugeMetricFamily(
            "idsync_settings_version", "Version of its settings that is in force.", labels=("scope",)
        )
        staged = GaugeMetricFamily(
            "idsync_settings_staged_version",
            "Version of its settings whose moment is to come; 0: there is none.",
            labels=("scope",),
        )
        shared = GaugeMetricFamily(
            "idsync_settings_shared_values",
            "Values of unique types that were on several records when last looked.",
            labels=("scope",),
        )
        for name in self._switch.names():
            waiting = self._switch.staged(name)
            current.add_metric((name,), self._switch.current(name).number)
            staged.add_metric((name,), 0 if waiting is None else waiting.number)
            shared.add_metric((name,), self._switch.shared_values(name))
        yield from (current, staged, shared)
