"""What the service is to reach: the table of targets, and where each figure is measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

__all__ = ["CLAIMS", "Bound", "Claim", "Quantity"]


class Bound(Enum):
    """Which side of its target a result must be on."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


class Quantity(NamedTuple):
    """One figure of one subject."""

    part: str
    case: str
    subject: str
    figure: str


@dataclass(frozen=True)
class Claim:
    """A figure, or the ratio of two of the same round.

    Attributes:
        under: What it is divided by; `None`: the figure itself counts.
        target: What the issue asks for; `None`: shown for information only.
        unit: Of a figure that is no ratio.
    """

    title: str
    over: Quantity
    under: Quantity | None
    bound: Bound = Bound.AT_LEAST
    target: float | None = None
    unit: str = ""


def _at(place: str, figure: str) -> Quantity:
    """Read part/case/subject."""
    part, case, subject = place.split("/")
    return Quantity(part, case, subject, figure)


def _rate(title: str, over: str, under: str, target: float | None = None) -> Claim:
    return Claim(title, _at(over, "per_s"), _at(under, "per_s"), Bound.AT_LEAST, target)


def _cost(title: str, over: str, under: str, target: float | None = None, figure: str = "total_us") -> Claim:
    return Claim(title, _at(over, figure), _at(under, figure), Bound.AT_MOST, target)


def _unary(title: str, case: str, target: float) -> Claim:
    return _rate(title, f"calls/{case}/service", f"calls/{case}/echo", target)


def _batch(title: str, case: str, target: float) -> tuple[Claim, ...]:
    return (
        _rate(f"BatchResolve of 100, {title}", f"batches/{case}/service", "batches/repeat/echo", target),
        _rate(
            f"BatchResolve of 100, {title}, to the batch echo",
            f"batches/{case}/service",
            f"batches/{case}/echo",
        ),
    )


def _growth(title: str, subject: str, target: float | None) -> tuple[Claim, ...]:
    return tuple(
        _cost(
            f"processor time, many profiles to 10,000, {title}, {of}",
            f"growth/{kind}-{subject}/many",
            f"growth/{kind}-{subject}/few",
            target,
        )
        for kind, of in (("repeat", "repeated"), ("mixed", "80/20"))
    )


def _size(title: str, subject: str, gib: float, seconds: float) -> tuple[Claim, ...]:
    return (
        Claim(
            f"{title}: start-up", _at(f"growth/start/{subject}", "start_s"), None, Bound.AT_MOST, seconds, "s"
        ),
        Claim(
            f"{title}: most memory ever, after load",
            _at(f"growth/loaded/{subject}", "peak_gib"),
            None,
            Bound.AT_MOST,
            gib,
            "GiB",
        ),
        Claim(
            f"{title}: memory once started",
            _at(f"growth/start/{subject}", "resident_gib"),
            None,
            Bound.AT_MOST,
            None,
            "GiB",
        ),
    )


def _postgres(title: str, case: str) -> Claim:
    return _rate(
        f"PostgreSQL to embedded: {title}", f"postgres/{case}/one node", f"postgres/{case}/embedded", 0.6
    )


CLAIMS: Final = (
    _unary("repeated identify, unary", "repeat", 0.85),
    _unary("80 % repeated, 20 % new people, unary", "mixed", 0.65),
    _unary("new people only, unary", "new", 0.5),
    *_batch("repeated", "batch-repeat", 6),
    *_batch("80/20", "batch-mixed", 4),
    *_batch("new people only", "batch-new", 3),
    _rate("idsync.client, 256 callers, 80/20", "client/mixed/client", "client/repeat/echo", 3),
    _cost("p99, open loop, 80/20 at 2,000/s", "calls/open/service", "calls/open/echo", 2, "p99_ms"),
    _rate("kept when every sync takes 2 ms longer", "slow-sync/mixed/slow", "slow-sync/mixed/fast", 0.85),
    _rate("two processes to one, repeated", "fronts/repeat/two", "fronts/repeat/one", 1.1),
    Claim(
        "processor time of the owner to that of the fronts",
        _at("fronts/repeat/two", "owner_us"),
        _at("fronts/repeat/two", "fronts_us"),
        Bound.AT_MOST,
        0.25,
    ),
    _rate("HTTP identify, repeated", "http/http-repeat/service", "http/http-repeat/echo", 0.5),
    _rate("HTTP identify, 80/20", "http/http-mixed/service", "http/http-mixed/echo"),
    *_growth("complete index", "complete", 1.4),
    *_growth("bounded cache", "bounded", None),
    *_size("complete index", "complete", 4, 20),
    *_size("bounded cache", "bounded", 1, 2),
    _cost(
        "p99 on a device of 10,000 people",
        "shared-device/mixed/shared",
        "shared-device/mixed/ordinary",
        2,
        "p99_ms",
    ),
    _postgres("repeated", "repeat"),
    _postgres("80/20", "mixed"),
    _postgres("new people only", "new"),
    _postgres("BatchResolve of 100, repeated", "batch-repeat"),
    _postgres("BatchResolve of 100, 80/20", "batch-mixed"),
    _postgres("BatchResolve of 100, new people only", "batch-new"),
    _cost(
        "PostgreSQL: processor time, two nodes to one, 80/20",
        "postgres/mixed/two nodes",
        "postgres/mixed/one node",
        1.2,
    ),
    Claim(
        "what-if: recorded calls replayed a second",
        _at("what-if/replay/other", "per_s"),
        None,
        Bound.AT_LEAST,
        20_000,
        "calls a second",
    ),
    Claim(
        "what-if: memory at its peak",
        _at("what-if/replay/other", "memory_mb"),
        None,
        Bound.AT_MOST,
        2_048,
        "MB",
    ),
    _rate("our load generator to h2load, unary", "generator/repeat/ours", "generator/repeat/h2load"),
    _rate(
        "our load generator to h2load, batches",
        "generator/batch-repeat/ours",
        "generator/batch-repeat/h2load",
    ),
    _rate("our load generator to h2load, HTTP", "generator/http-repeat/ours", "generator/http-repeat/h2load"),
)
