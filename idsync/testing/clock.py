"""A clock that only moves when it is told to."""

from __future__ import annotations

from typing import Final

__all__ = ["START_MS", "ManualClock"]

START_MS: Final = 1_767_225_600_000
"""2026-01-01 UTC, in milliseconds."""


class ManualClock:
    """Gives the time in UTC milliseconds, wherever a store or a resolver asks for a clock.

    Attributes:
        now_ms: What it shows; set it back to see what a wrong system clock does.
    """

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        """Give the time."""
        return self.now_ms

    def advance(self, by_ms: int) -> None:
        """Move forward."""
        self.now_ms += by_ms
