"""Then, on both clocks: by the time things were written, and by how much of the journal was there."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Moment"]


class Moment(NamedTuple):
    """Says which journal entries count in a look at the past.

    Each entry is judged by itself, so that the answer is clear also where a system clock was set back.

    Attributes:
        seq: The last position that was known.
        time_ms: The last moment that counts, UTC milliseconds; `None`: all that was known by then.
    """

    seq: int
    time_ms: int | None = None

    def covers(self, seq: int, at_ms: int) -> bool:
        """Say whether an entry counts, by its position and its time."""
        return seq <= self.seq and (self.time_ms is None or at_ms <= self.time_ms)
