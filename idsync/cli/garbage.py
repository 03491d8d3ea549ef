"""How a serving process collects its garbage."""

from __future__ import annotations

import gc
from typing import Final

__all__ = ["keep_resident"]

_COLLECT_AFTER: Final = 50_000
"""Objects between two looks of the garbage collector: a call makes hundreds, and few of them in cycles."""
_OLDEST: Final = 2
"""The generation of which a collection is a full one."""


def keep_resident() -> None:
    """Have the collector look no more at what is there now: it stays, and collect seldom from here on."""
    gc.collect()
    gc.freeze()
    # few of the middle generation at once: each that survives is looked at again with all of them
    gc.set_threshold(_COLLECT_AFTER, 5, 200)
    if _freeze_the_old not in gc.callbacks:
        gc.callbacks.append(_freeze_the_old)


def _freeze_the_old(phase: str, info: dict[str, int]) -> None:
    """Let the collector look only once at what a full collection found alive: mostly nodes of the graph.

    They are in no cycles and go when nobody refers to them any more, but looking at a million of them would
    hold up every call for a tenth of a second and more.
    """
    if phase == "stop" and info["generation"] == _OLDEST:
        gc.freeze()
