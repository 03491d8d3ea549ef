"""From measurements to tables for people and a document for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from math import isfinite
from statistics import median
from typing import Any, Final

from tests.bench.measurement import Measurement, Options
from tests.bench.results import Result, results

__all__ = ["document", "measured_table", "result_table"]

_BUSY_GENERATOR: Final = 0.9
_PACKAGES: Final = ("grpcio", "protobuf", "uvloop", "sqlalchemy", "starlette", "uvicorn")
_COLUMNS: Final = (
    ("per_s", "resolutions/s", "{:,.0f}"),
    ("p50_ms", "p50 ms", "{:.2f}"),
    ("p99_ms", "p99 ms", "{:.2f}"),
    ("cpu_us", "CPU µs", "{:.1f}"),
    ("later_us", "later µs", "{:.1f}"),
    ("load", "load", "{:.0%}"),
    ("others", "others", "{:.1f}"),
)


def _number(value: float) -> str:
    if not isfinite(value):
        return "without end"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.2f}"


def result_table(found: Iterable[Result]) -> str:
    """Lay out targets beside results in Markdown; a target that was missed says by how much."""
    lines = ["| | target | result | spread | |", "|---|---|---|---|---|"]
    for r in found:
        target = "" if r.target is None else f"{r.bound} {r.target:g} {r.unit}".strip()
        verdict = ""
        if r.target is not None:
            verdict = "met" if r.is_met else f"missed: {_number(r.median / r.target)} of it"
        spread = f"{_number(r.smallest)} to {_number(r.largest)}" if r.rounds > 1 else ""
        lines.append(f"| {r.title} | {target} | {_number(r.median)} {r.unit} | {spread} | {verdict} |")
    return "\n".join(line.replace("  ", " ") for line in lines)


def measured_table(measurements: Sequence[Measurement]) -> str:
    """Lay out in Markdown what was measured, as medians over the rounds, and what makes it doubtful."""
    lines = [
        "| part | case | subject | " + " | ".join(title for _, title, _ in _COLUMNS) + " | besides |",
        "|---" * (len(_COLUMNS) + 4) + "|",
    ]
    doubts = []
    for (part, case, subject), medians in _medians(measurements).items():
        cells = [form.format(medians[name]) if name in medians else "" for name, _, form in _COLUMNS]
        known = {*(name for name, _, _ in _COLUMNS), "total_us", "failed"}
        besides = ", ".join(
            f"{name} {_number(value)}" for name, value in medians.items() if name not in known
        )
        lines.append(f"| {part} | {case} | {subject} | {' | '.join(cells)} | {besides} |")
        if medians.get("failed"):
            doubts.append(f"Calls of {part}, {case} failed on {subject}: its figures mean nothing.")
        if medians.get("load", 0.0) > _BUSY_GENERATOR and subject != "client":
            doubts.append(f"For {part}, {case} on {subject} the load generator was the limit.")
    return "\n".join([*lines, *(f"\n{doubt}" for doubt in doubts)])


def _medians(measurements: Sequence[Measurement]) -> Mapping[tuple[str, str, str], dict[str, float]]:
    groups: dict[tuple[str, str, str], list[Measurement]] = {}
    for measured in measurements:
        groups.setdefault((measured.part, measured.case, measured.subject), []).append(measured)
    return {
        key: {name: _typical(name, [m.figures[name] for m in group]) for name in group[0].figures}
        for key, group in groups.items()
    }


def _typical(name: str, values: list[float]) -> float:
    return sum(values) if name == "failed" else median(values)


def _environment() -> dict[str, Any]:
    """Say what ran, without naming the machine."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        **{name: version(name) for name in _PACKAGES},
    }


def document(
    options: Options, measurements: Sequence[Measurement], left_out: Mapping[str, str], at: str
) -> dict[str, Any]:
    """Give everything that was measured, for a file.

    Args:
        options: How.
        measurements: What.
        left_out: Parts that could not be measured, with the reason.
        at: When, in ISO 8601.
    """
    shown = asdict(options)
    # where large files lie, and a database with its password, are nobody's business
    del shown["keep"], shown["postgres"]
    finite: dict[str, Any] = _finite(
        {
            "at": at,
            "options": shown,
            "environment": _environment(),
            "results": [{**asdict(result), "is_met": result.is_met} for result in results(measurements)],
            "left_out": dict(left_out),
            "measurements": [asdict(measured) for measured in measurements],
        }
    )
    return finite


def _finite(value: Any) -> Any:
    """Put `None` for what JSON has no number for: a latency without end, a ratio to nothing."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value
