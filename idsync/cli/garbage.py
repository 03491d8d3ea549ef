"""How a serving process collects its garbage."""

from __future__ import annotations

import gc
from typing import Final

__all__ = ["keep_resident"]

_COLLECT_AFTER: Final = 2_000
"""Objects between two looks of the garbage collector, so few that a look takes a millisecond: it holds up all
calls, and one at fifty thousand, most of them long out of the processor's caches, took forty."""
_MIDDLE_AFTER: Final = 5
"""Such looks between two at what survived one, which take about as long."""
_ALL_AFTER: Final = 5_000
"""Looks of the middle kind between two at everything: these take long, and there is little to be found."""
_OLDEST: Final = 2
"""The generation of which a collection is a full one."""


def keep_resident() -> None:
    """Have the collector look no more at what is there now, and at little at once from here on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, _MIDDLE_AFTER, _ALL_AFTER)
    if _freeze_the_old not in gc.callbacks:
        gc.callbacks.append(_freeze_the_old)


def _freeze_the_old(phase: str, info: dict[str, int]) -> None:
    """Let the collector look only once at what a full collection found alive: mostly nodes of the graph.

    They are in no cycles and go when nobody refers to them any more, but looking at a million of them would
    hold up every call for a tenth of a second and more.
    """
    if phase == "stop" and info["generation"] == _OLDEST:
        gc.freeze()
