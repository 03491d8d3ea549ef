"""How many calls may be under way: what comes beyond that is refused before anything is done for it.

Where calls end as fast as they come nobody notices. Where they wait, for a disk or a store far away, this is
what keeps memory and waiting times bounded.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from inspect import isasyncgenfunction
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from idsync.config.configuration import Limits
from idsync.model.errors import OverloadedError

__all__ = ["CALLS_OF_A_PLACE", "Capacity", "Counted"]

CALLS_OF_A_PLACE: Final = 50
"""A batch takes a place for each so many of the calls that it carries."""
_QUIET_S: Final = 10.0
"""A flood is logged when it begins, and again when none was refused for so long."""

_log = structlog.get_logger("idsync.server")


class Capacity:
    """Places for calls under way.

    Args:
        kind: What it counts, for logs and metrics.
        most: How many places there are.

    Attributes:
        under_way: Places taken now.
        refused: Calls that found none.
    """

    __slots__ = ("_quiet_from_s", "kind", "most", "refused", "under_way")

    def __init__(self, kind: str, most: int) -> None:
        self.kind = kind
        self.most = most
        self.under_way = 0
        self.refused = 0
        self._quiet_from_s = 0.0

    def refusal(self) -> OverloadedError:
        """Count a call that found no place, and say what it is told."""
        self.refused += 1
        now = time.monotonic()
        if now >= self._quiet_from_s:
            _log.warning("overloaded", kind=self.kind, under_way=self.under_way)
        self._quiet_from_s = now + _QUIET_S
        return OverloadedError(f"too many {self.kind} are under way; nothing was changed")


class Counted(Collector):
    """A service whose methods take a place while they are under way, and the metrics of that.

    Attributes:
        calls: Places for calls with one answer.
        streams: Places for streams, which may stay for as long as they like.
    """

    def __init__(self, limits: Limits, registry: CollectorRegistry) -> None:
        self.calls = Capacity("calls", limits.calls_under_way)
        self.streams = Capacity("streams", limits.streams_under_way)
        registry.register(self)

    def service(self, service: object) -> object:
        """Give a service that has the same methods, counted."""
        return _Counted(service, self)

    def collect(self) -> Iterator[Metric]:
        """Show how much is taken, and how often that was too little."""
        under_way = GaugeMetricFamily(
            "idsync_under_way", "Places taken by calls under way.", labels=("kind",)
        )
        refused = CounterMetricFamily(
            "idsync_overload_refusals", "Calls refused because too many were under way.", labels=("kind",)
        )
        for capacity in (self.calls, self.streams):
            under_way.add_metric((capacity.kind,), capacity.under_way)
            refused.add_metric((capacity.kind,), capacity.refused)
        yield from (under_way, refused)


class _Counted:
    def __init__(self, service: object, counted: Counted) -> None:
        self._service = service
        self._by = counted

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._service, name)
        if isasyncgenfunction(found):
            return _stream(found, self._by.streams)
        if name == "batch_resolve":
            return _call(found, self._by.calls, _places_of_batch)
        return _call(found, self._by.calls, _one_place)


def _one_place(_request: Any) -> int:
    return 1


def _places_of_batch(request: Any) -> int:
    return 1 + len(request.calls) // CALLS_OF_A_PLACE


def _call(run: Callable[..., Any], capacity: Capacity, places_of: Callable[[Any], int]) -> Callable[..., Any]:
    async def counted(request: Any, call: Any) -> Any:
        if capacity.under_way >= capacity.most:
            raise capacity.refusal()
        places = places_of(request)
        capacity.under_way += places
        try:
            return await run(request, call)
        finally:
            capacity.under_way -= places

    return counted


def _stream(run: Callable[..., AsyncIterator[Any]], capacity: Capacity) -> Callable[..., Any]:
    async def counted(requests: Any, call: Any) -> AsyncGenerator[Any, None]:
        if capacity.under_way >= capacity.most:
            raise capacity.refusal()
        capacity.under_way += 1
        try:
            async with aclosing(run(requests, call)) as answers:  # type: ignore[type-var]
                async for answer in answers:
                    yield answer
        finally:
            capacity.under_way -= 1

    return counted
