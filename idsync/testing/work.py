"""How much work a piece of code is: counted in calls and bytes, never in seconds."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Work", "counted"]


@dataclass(slots=True)
class Work:
    """What was counted.

    Attributes:
        calls: Functions called, ours and those of C.
        peak_bytes: The most memory that was in use beyond what was there before.
    """

    calls: int = 0
    peak_bytes: int = 0


@contextmanager
def counted() -> Iterator[Work]:
    """Count the work of the block on this thread; the counts are there once it is left."""
    work = Work()

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        work.calls += event in {"call", "c_call"}

    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    previous = sys.getprofile()
    sys.setprofile(count)
    try:
        yield work
    finally:
        sys.setprofile(previous)
        work.peak_bytes = tracemalloc.get_traced_memory()[1] - before
        if not was_tracing:
            tracemalloc.stop()
