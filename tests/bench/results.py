"""How each result comes out of the measurements: ratios are taken within a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from tests.bench.claims import CLAIMS, Bound, Claim, Quantity
from tests.bench.measurement import Measurement

__all__ = ["Result", "results"]


@dataclass(frozen=True)
class Result:
    """Median, smallest and largest of the rounds."""

    title: str
    bound: str
    target: float | None
    unit: str
    median: float
    smallest: float
    largest: float
    rounds: int

    @property
    def is_met(self) -> bool | None:
        """Whether the median is on the right side of the target; `None` without one."""
        if self.target is None:
            return None
        return (
            self.median >= self.target if self.bound == Bound.AT_LEAST.value else self.median <= self.target
        )


def results(measurements: Iterable[Measurement], claims: Iterable[Claim] | None = None) -> list[Result]:
    """Take every result that was measured, in the order of the claims."""
    figures = {
        (Quantity(m.part, m.case, m.subject, name), m.round): value
        for m in measurements
        for name, value in m.figures.items()
    }
    found = []
    for claim in CLAIMS if claims is None else claims:
        values = _values(claim, figures)
        if values:
            found.append(
                Result(
                    claim.title,
                    claim.bound.value,
                    claim.target,
                    claim.unit,
                    median(values),
                    min(values),
                    max(values),
                    len(values),
                )
            )
    return found


def _values(claim: Claim, figures: Mapping[tuple[Quantity, int], float]) -> list[float]:
    values = []
    for (quantity, number), over in figures.items():
        if quantity == claim.over:
            under = 1.0 if claim.under is None else figures.get((claim.under, number), 0.0)
            if under:
                values.append(over / under)
    return values
