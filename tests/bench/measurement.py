"""One measurement: who was measured doing what, and the figures it gave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.load import Sample
from tests.bench.meter import Meter, quiet

__all__ = ["Entrant", "Figures", "LeftOutError", "Measurement", "Options", "Session", "figures_of"]

Figures = dict[str, float]
"""By name. Rates and processor times count resolutions, of which a batch has many; latencies are of calls.

`cpu_us` is the server's processor time for a resolution, `later_us` what it took afterwards, until it was
idle, for what it had put off, and `total_us` both. `load` is the load generator's share of a core (near 1 it
was the limit), `others` how many cores were busy with something else: above 0.3, trust ratios and processor
times only.
"""


class LeftOutError(Exception):
    """A part cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for; `patience_s` is how long each measurement waits for quiet.

    Attributes:
        seconds: Counted time of each measurement.
        warm_up_s: Time before it that does not count.
        users: Users that a service knows before.
        profiles: How many are many.
        few: How many are few.
        postgres: URL of a database to use; empty: start a cluster of our own.
        keep: Where large databases are kept for the next time.
    """

    rounds: int = 5
    seconds: float = 3.0
    warm_up_s: float = 0.5
    patience_s: float = 10.0
    users: int = 10_000
    profiles: int = 5_000_000
    few: int = 10_000
    keep: Path | None = None
    postgres: str = ""


@dataclass(frozen=True)
class Measurement:
    """The figures of one subject (a server, a way to run it) under one load (a case), in one round."""

    part: str
    round: int
    case: str
    subject: str
    figures: Figures


@dataclass(frozen=True)
class Entrant:
    """One who is measured in every round."""

    case: str
    subject: str
    measure: Callable[[], Awaitable[Figures]]


@dataclass
class Session:
    """What a part is given: the options, a folder, and where its measurements go."""

    part: str
    options: Options
    folder: Path
    say: Callable[[str], None]
    measurements: list[Measurement] = field(default_factory=list)

    async def alternate(self, *groups: Sequence[Entrant]) -> None:
        """Measure group by group, round after round; the order within a group turns round each time."""
        for number in range(self.options.rounds):
            for group in groups:
                for entrant in group if number % 2 == 0 else reversed(group):
                    self.say(
                        f"{self.part}, round {number + 1} of {self.options.rounds}: "
                        f"{entrant.case}, {entrant.subject}"
                    )
                    await quiet(self.options.patience_s)
                    figures = await entrant.measure()
                    self.record(number, entrant.case, entrant.subject, figures)

    def record(self, number: int, case: str, subject: str, figures: Figures) -> None:
        """Keep what was measured."""
        self.measurements.append(Measurement(self.part, number, case, subject, figures))


def figures_of(sample: Sample, meter: Meter, later_s: float, resolutions: int = 1) -> Figures:
    """Take the figures from what generator and meter saw; `resolutions` are those of one call."""
    answered = max(1, len(sample.latencies_s) * resolutions)
    return {
        "per_s": sample.per_s * resolutions,
        "p50_ms": sample.percentile_ms(0.50),
        "p99_ms": sample.percentile_ms(0.99),
        "cpu_us": meter.used_s / answered * 1e6,
        "later_us": later_s / answered * 1e6,
        "total_us": (meter.used_s + later_s) / answered * 1e6,
        "failed": sample.failed,
        "load": sample.own_cpu_share,
        "others": meter.others_cores,
    }
