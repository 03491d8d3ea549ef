"""From measurements to a table for people and a document for programs."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import median
from typing import Any

from tests.bench.load import Sample
from tests.bench.meter import Meter
from tests.bench.workloads import WORKLOADS, Workload

__all__ = ["Measurement", "Row", "document", "rows", "table"]

_BUSY_GENERATOR = 0.9


@dataclass(frozen=True)
class Measurement:
    """One server under one workload in one round.

    Rates and processor times count resolutions, of which a batch has many; latencies are those of calls.
    `cpu_us` is the server's processor time for a resolution, `later_cpu_us` what it took afterwards, until it
    was idle, for what it had put off.
    """

    round: int
    workload: str
    server: str
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    later_cpu_us: float
    failed: int
    generator_share: float
    others_cores: float

    @classmethod
    def of(
        cls, number: int, workload: Workload, server: str, sample: Sample, meter: Meter, later_cpu_s: float
    ) -> Measurement:
        """Take the figures from what the load generator and the meter saw."""
        resolutions = max(1, len(sample.latencies_s) * workload.resolutions)
        return cls(
            round=number,
            workload=workload.name,
            server=server,
            per_s=sample.per_s * workload.resolutions,
            p50_ms=sample.percentile_ms(0.50),
            p99_ms=sample.percentile_ms(0.99),
            cpu_us=meter.used_s / resolutions * 1e6,
            later_cpu_us=later_cpu_s / resolutions * 1e6,
            failed=sample.failed,
            generator_share=sample.own_cpu_share,
            others_cores=meter.others_cores,
        )


@dataclass(frozen=True)
class Row:
    """Medians over the rounds for one workload and server; ratios are to the echo of the same round."""

    workload: str
    server: str
    per_s: float
    ratio: float
    ratio_min: float
    ratio_max: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    later_cpu_us: float
    failed: int
    generator_share: float
    others_cores: float


def rows(measurements: list[Measurement]) -> list[Row]:
    """Fold the rounds, in the order in which workloads and servers were first measured."""
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for measured in sorted(measurements, key=lambda m: (list(WORKLOADS).index(m.workload), m.server)):
        groups.setdefault((measured.workload, measured.server), []).append(measured)
    return [_row(group, groups[workload, "echo"]) for (workload, _), group in groups.items()]


def _row(group: list[Measurement], echo: list[Measurement]) -> Row:
    echo_per_s = {m.round: m.per_s for m in echo}
    ratios = [m.per_s / echo_per_s[m.round] for m in group if echo_per_s[m.round]] or [float("nan")]
    return Row(
        workload=group[0].workload,
        server=group[0].server,
        per_s=median(m.per_s for m in group),
        ratio=median(ratios),
        ratio_min=min(ratios),
        ratio_max=max(ratios),
        p50_ms=median(m.p50_ms for m in group),
        p99_ms=median(m.p99_ms for m in group),
        cpu_us=median(m.cpu_us for m in group),
        later_cpu_us=median(m.later_cpu_us for m in group),
        failed=sum(m.failed for m in group),
        generator_share=median(m.generator_share for m in group),
        others_cores=median(m.others_cores for m in group),
    )


def table(found: list[Row]) -> str:
    """Lay the rows out in Markdown, ready for the README."""
    lines = [
        "| workload | server | resolutions/s | to echo | p50 ms | p99 ms | CPU µs | later | load | others |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {WORKLOADS[r.workload].title} | {r.server} | {r.per_s:,.0f} "
        f"| {r.ratio:.2f} ({r.ratio_min:.2f} to {r.ratio_max:.2f}) | {r.p50_ms:.2f} | {r.p99_ms:.2f} "
        f"| {r.cpu_us:.1f} | {r.later_cpu_us:.1f} | {r.generator_share:.0%} | {r.others_cores:.1f} |"
        for r in found
    ]
    for r in found:
        if r.failed:
            lines.append(
                f"\n{r.failed} calls of {r.workload} failed on {r.server}: its figures mean nothing."
            )
        if r.generator_share > _BUSY_GENERATOR:
            lines.append(f"\nFor {r.workload} on {r.server} the load generator was the limit.")
    return "\n".join(lines)


def _environment() -> dict[str, Any]:
    """Say what ran, without naming the machine."""
    packages = ("grpcio", "protobuf", "uvloop", "sqlalchemy")
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        **{name: version(name) for name in packages},
    }


def document(options: dict[str, Any], measurements: list[Measurement]) -> dict[str, Any]:
    """Give everything that was measured, for a file."""
    return {
        "options": options,
        "environment": _environment(),
        "rows": [asdict(row) for row in rows(measurements)],
        "measurements": [asdict(measured) for measured in measurements],
    }
