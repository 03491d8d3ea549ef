"""What is counted; labels are names from the contract and the configuration, never values (design, trust).

Counting is done in plain integers, on the one loop that serves, and shown when somebody asks: a counter
object of the metrics library takes a lock and checks its arguments, which each call would pay several times.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from grpc import StatusCode
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from idsync.model.changes import Outcome
from idsync.model.identity import IdentityType
from idsync.model.notice import Notice, NoticeReason
from idsync.resolve.recorder import Recorder

__all__ = ["Meters", "MethodMeter", "OutcomeMeter"]

_BUCKETS_S: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_BOUNDS: Final = (*map(floatToGoString, _BUCKETS_S), "+Inf")
_OK: Final = StatusCode.OK
_LABELS: Final = ("grpc_type", "grpc_service", "grpc_method")


class MethodMeter:
    """Counts the calls of one rpc.

    Attributes:
        labels: Kind, service and name of the rpc.
        succeeded: Calls that ended well; apart, because hashing a code costs more than counting it.
        failed: The others by the code they ended with.
        durations: Calls by the bucket that their duration falls in.
        total_s: All durations together, in seconds.
    """

    __slots__ = ("durations", "failed", "labels", "succeeded", "total_s")

    def __init__(self, kind: str, service: str, name: str) -> None:
        self.labels = (kind, service, name)
        self.succeeded = 0
        self.failed: defaultdict[StatusCode, int] = defaultdict(int)
        self.durations = [0] * len(_BOUNDS)
        self.total_s = 0.0

    def ended(self, code: StatusCode, duration_s: float) -> None:
        """Count a call that took `duration_s` seconds."""
        if code is _OK:
            self.succeeded += 1
        else:
            self.failed[code] += 1
        self.durations[bisect_left(_BUCKETS_S, duration_s)] += 1
        self.total_s += duration_s


class OutcomeMeter:
    """Counts the calls of a scope that ended in one way."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Meters(Collector):
    """All counters of the servers; `grpc_*` are named and labelled as everywhere in the gRPC world."""

    def __init__(self, registry: CollectorRegistry, recorder: Recorder | None = None) -> None:
        self._recorder = recorder
        self._methods: list[MethodMeter] = []
        self._outcomes: defaultdict[tuple[str, Outcome, str], OutcomeMeter] = defaultdict(OutcomeMeter)
        self._notices: defaultdict[tuple[IdentityType, NoticeReason], int] = defaultdict(int)
        self._refused: defaultdict[StatusCode, int] = defaultdict(int)
        registry.register(self)

    def method(self, kind: str, service: str, name: str) -> MethodMeter:
        """Give the meter of one rpc."""
        meter = MethodMeter(kind, service, name)
        self._methods.append(meter)
        return meter

    def outcome(self, scope: str, outcome: Outcome, rule: str) -> OutcomeMeter:
        """Give the meter of calls that were resolved alike."""
        return self._outcomes[scope, outcome, rule]

    def refused(self, code: StatusCode) -> None:
        """Count a call of a batch or stream that ended with an error."""
        self._refused[code] += 1

    def notices(self, notices: Iterable[Notice]) -> None:
        """Count what was ignored, withheld or capped."""
        for notice in notices:
            self._notices[notice.type, notice.reason] += 1

    def collect(self) -> Iterator[Metric]:
        """Show everything, as the metrics library asks for it."""
        handled = CounterMetricFamily(
            "grpc_server_handled", "Calls completed.", labels=(*_LABELS, "grpc_code")
        )
        handling = HistogramMetricFamily(
            "grpc_server_handling_seconds", "Time from a call's arrival to its answer.", labels=_LABELS
        )
        for method in self._methods:
            for code, count in ((_OK, method.succeeded), *method.failed.items()):
                handled.add_metric((*method.labels, code.name), count)
            buckets = list(zip(_BOUNDS, accumulate(method.durations), strict=True))
            handling.add_metric(method.labels, buckets, method.total_s)
        outcomes = CounterMetricFamily(
            "idsync_outcomes", "Resolved calls by what became of them.", labels=("scope", "outcome", "rule")
        )
        for (scope, outcome, rule), meter in self._outcomes.items():
            if meter.count:
                outcomes.add_metric((scope, outcome.value, rule), meter.count)
        refused = CounterMetricFamily(
            "idsync_batched_calls_failed",
            "Calls of a batch or stream that ended with an error.",
            labels=("grpc_code",),
        )
        for code, count in self._refused.items():
            refused.add_metric((code.name,), count)
        notices = CounterMetricFamily(
            "idsync_notices", "Identities that were ignored, withheld or capped.", labels=("type", "reason")
        )
        for (kind, reason), count in self._notices.items():
            notices.add_metric((kind.wire_name, reason.name.lower()), count)
        yield from (handled, handling, outcomes, refused, notices)
        if self._recorder is not None:
            recorded = CounterMetricFamily(
                "idsync_calls_recorded",
                "Calls that the journal does not tell, or not whole, by whether they were recorded.",
                labels=("result",),
            )
            recorded.add_metric(("written",), self._recorder.recorded)
            recorded.add_metric(("not_recorded",), self._recorder.not_recorded)
            yield recorded
