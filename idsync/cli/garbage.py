"""How a serving process collects its garbage."""

from __future__ import annotations

import gc
from typing import Final

__all__ = ["keep_resident"]

_COLLECT_AFTER: Final = 50_000
"""Objects between two looks of the garbage collector: a call makes hundreds, and few of them in cycles."""


def keep_resident() -> None:
    """Have the collector look no more at what is there now: it stays, and collect seldom from here on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
