"""How far a value may go before the radar raises an alarm about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from idsync.model.flag import Flag
from idsync.model.identity import IdentityType

__all__ = ["RadarLimits"]


@dataclass(frozen=True, slots=True)
class RadarLimits:
    """The limits of each type; one that is in none of them is not watched.

    Attributes:
        max_known: Known profiles that may have a value.
        max_records: Profiles that may have it, known or not.
        max_growth_per_day: Profiles that may get it within 24 hours.
        quarantine: Whether a value is quarantined when its alarm is raised.
    """

    max_known: Mapping[IdentityType, int] = field(default_factory=dict)
    max_records: Mapping[IdentityType, int] = field(default_factory=dict)
    max_growth_per_day: Mapping[IdentityType, int] = field(default_factory=dict)
    quarantine: bool = False

    @property
    def types(self) -> frozenset[IdentityType]:
        """The types that are watched."""
        return frozenset({*self.max_known, *self.max_records, *self.max_growth_per_day})

    def of(self, identity_type: IdentityType) -> Iterator[tuple[Flag, int]]:
        """Give the limits of a type, each with the alarm that it raises."""
        for flag, limits in (
            (Flag.MANY_KNOWN, self.max_known),
            (Flag.MANY_RECORDS, self.max_records),
            (Flag.FAST_GROWTH, self.max_growth_per_day),
        ):
            if identity_type in limits:
                yield flag, limits[identity_type]

    @property
    def wording(self) -> str:
        """All limits in one line: by others not everything was looked at yet."""
        limits = [(t, flag, most) for t in sorted(self.types) for flag, most in self.of(t)]
        return " ".join(f"{t.wire_name}:{int(flag)}:{most}" for t, flag, most in limits)
