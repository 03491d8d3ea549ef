"""What one workspace knows of a profile; the parts merge in any order (PR-001, PR-002, PR-013)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

__all__ = ["Device", "Period", "Scalar", "Value", "WorkspaceProfile", "Written"]

Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | list[Scalar] | dict[str, object] | None
"""A value; `None` is that of a tag (PR-010)."""


class Written(NamedTuple):
    """A value and when it was written; of two the greater stamp holds, whichever came first (PR-013).

    Attributes:
        at_ms: When it became so, UTC milliseconds.
        arrival: The number of its batch: of two writes of one moment the later arrival holds.
        place: Its place in the batch, which decides within one.
        value: What was written.
        is_deleted: A tombstone: the value is gone, and older writes stay so (PR-014).
    """

    at_ms: int
    arrival: int
    place: int
    value: Value
    is_deleted: bool = False

    def later(self, other: Written | None) -> Written:
        """Give the one that holds."""
        return self if other is None or self[:3] >= other[:3] else other


class Period(NamedTuple):
    """From the first to the last time something was seen, UTC milliseconds (PR-022)."""

    first_ms: int
    last_ms: int

    def with_(self, other: Period | None) -> Period:
        """Give the period that has both."""
        if other is None:
            return self
        return Period(min(self.first_ms, other.first_ms), max(self.last_ms, other.last_ms))


@dataclass(frozen=True, slots=True)
class Device:
    """A device, as its batches described it (PR-020).

    Attributes:
        info: What was last said of it, as an object; `None`: nothing.
        identities: By the wire names of their types.
    """

    seen: Period
    info: Written | None = None
    identities: dict[str, Written] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkspaceProfile:
    """One workspace's part of a profile.

    Attributes:
        seen: When the user was active, by the times of events.
        stored_ms: When a batch of the user was received last, UTC milliseconds.
        inputs: By input key, when the user was seen there.
        attributes: By name, tombstones among them; reserved names are in lower case (PR-012).
        devices: By device application stamp, else by the first of the device's identities.
        opted_out: The last opt-out event; `None`: there was none (EV-047).
    """

    seen: Period
    stored_ms: int
    inputs: dict[str, Period] = field(default_factory=dict)
    attributes: dict[str, Written] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    opted_out: Written | None = None
