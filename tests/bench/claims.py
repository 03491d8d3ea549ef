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


def _rate(title: str, over: tuple[str, str, str], under: tuple[str, str, str], target: float | None) -> Claim:
    return Claim(title, Quantity(*over, "per_s"), Quantity(*under, "per_s"), Bound.AT_LEAST, target)


def _cost(
    title: str,
    over: tuple[str, str, str],
    under: tuple[str, str, str],
    target: float | None,
    figure: str = "total_us",
) -> Claim:
    return Claim(title, Quantity(*over, figure), Quantity(*under, figure), Bound.AT_MOST, target)


def _unary(title: str, case: str, target: float) -> Claim:
    return _rate(title, ("calls", case, "service"), ("calls", case, "echo"), target)


def _batch(title: str, case: str, target: float) -> tuple[Claim, Claim]:
    service = ("batches", case, "service")
    return (
        _rate(f"{title}, to the unary echo", service, ("batches", "repeat", "echo"), target),
        _rate(f"{title}, to the batch echo", service, ("batches", case, "echo"), None),
    )


def _start(subject: str, title: str, gib: float, seconds: float) -> tuple[Claim, ...]:
    quantity = Quantity("growth", "start", subject, "")
    return (
        Claim(
            f"{title}: memory, at its peak",
            quantity._replace(figure="peak_gib"),
            None,
            Bound.AT_MOST,
            gib,
            "GiB",
        ),
        Claim(
            f"{title}: memory, once started",
            quantity._replace(figure="resident_gib"),
            None,
            Bound.AT_MOST,
            None,
            "GiB",
        ),
        Claim(f"{title}: start-up", quantity._replace(figure="start_s"), None, Bound.AT_MOST, seconds, "s"),
    )


def _postgres(title: str, case: str) -> Claim:
    return _rate(
        f"PostgreSQL, one node: {title}", ("postgres", case, "one node"), ("postgres", case, "embedded"), 0.6
    )


CLAIMS: Final = (
    _unary("repeated identify, unary", "repeat", 0.85),
    _unary("80 % repeated, 20 % new people, unary", "mixed", 0.65),
    _unary("new people only, unary", "new", 0.5),
    *_batch("BatchResolve of 100, repeated", "batch-repeat", 6),
    *_batch("BatchResolve of 100, 80/20", "batch-mixed", 4),
    *_batch("BatchResolve of 100, new people", "batch-new", 3),
    _rate(
        "idsync.client, 256 callers, 80/20", ("client", "mixed", "client"), ("client", "repeat", "echo"), 3
    ),
    _cost(
        "p99, open loop, 80/20 at 2,000/s",
        ("calls", "open", "service"),
        ("calls", "open", "echo"),
        2,
        "p99_ms",
    ),
    _rate(
        "kept when every sync takes 2 ms longer",
        ("slow-sync", "mixed", "slow"),
        ("slow-sync", "mixed", "fast"),
        0.85,
    ),
    _rate("two processes to one, repeated", ("fronts", "repeat", "two"), ("fronts", "repeat", "one"), 1.1),
    Claim(
        "processor time of the owner to that of the fronts",
        Quantity("fronts", "repeat", "two", "owner_us"),
        Quantity("fronts", "repeat", "two", "fronts_us"),
        Bound.AT_MOST,
        0.25,
    ),
    _rate(
        "HTTP identify through the gateway, repeated",
        ("http", "http-repeat", "service"),
        ("http", "http-repeat", "echo"),
        0.5,
    ),
    _rate(
        "HTTP identify through the gateway, 80/20",
        ("http", "http-mixed", "service"),
        ("http", "http-mixed", "echo"),
        None,
    ),
    _cost(
        "processor time, many profiles to 10,000, repeated",
        ("growth", "repeat", "large"),
        ("growth", "repeat", "small"),
        1.4,
    ),
    _cost(
        "processor time, many profiles to 10,000, 80/20",
        ("growth", "mixed", "large"),
        ("growth", "mixed", "small"),
        1.4,
    ),
    _cost(
        "the same with a bounded cache, repeated",
        ("growth", "repeat", "bounded"),
        ("growth", "repeat", "small"),
        None,
    ),
    *_start("complete", "complete index", 4, 20),
    *_start("bounded", "bounded cache", 1, 2),
    _cost(
        "p99 on a device of 10,000 people to an ordinary one",
        ("shared-device", "mixed", "shared"),
        ("shared-device", "mixed", "ordinary"),
        2,
        "p99_ms",
    ),
    _postgres("repeated", "repeat"),
    _postgres("80/20", "mixed"),
    _postgres("new people", "new"),
    _postgres("BatchResolve of 100, 80/20", "batch-mixed"),
    _cost(
        "PostgreSQL: processor time, two nodes to one, 80/20",
        ("postgres", "mixed", "two nodes"),
        ("postgres", "mixed", "one node"),
        1.2,
    ),
    _rate(
        "our load generator to h2load, echo",
        ("generator", "repeat", "ours"),
        ("generator", "repeat", "h2load"),
        None,
    ),
    _rate(
        "our load generator to h2load, batch echo",
        ("generator", "batch-repeat", "ours"),
        ("generator", "batch-repeat", "h2load"),
        None,
    ),
    _rate(
        "our load generator to h2load, HTTP echo",
        ("generator", "http-repeat", "ours"),
        ("generator", "http-repeat", "h2load"),
        None,
    ),
)
