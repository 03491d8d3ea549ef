"""How closely groups of entries follow each other to the disk."""

from __future__ import annotations

from typing import Final

__all__ = ["ALONE_FOR", "APART_S", "Pace"]

APART_S: Final = 0.003
"""Groups that gather company leave so far apart, in seconds."""
ALONE_FOR: Final = 32
"""So many groups do not wait after one that waited for nobody."""


class Pace:
    """Has a group wait for company where there is any to be had.

    Calls reach the loop one by one, and each sync costs the same for one entry as for fifty: the thread that
    waits for the disk, and the loop that hears of it, have more to do than the call itself. Under load a
    group therefore leaves no sooner than `APART_S` after the one before it. Who writes alone waits for
    nobody: as soon as a wait has brought no company the next `ALONE_FOR` groups leave at once. Where a sync
    takes longer than that anyway, nobody ever waits.
    """

    def __init__(self) -> None:
        self._left_s = float("-inf")
        self._at_once = 0
        self._waited_with = 0

    def wait_s(self, now_s: float, entries: int) -> float:
        """Say how long a group that could leave now should wait, in seconds; 0: not at all.

        Args:
            now_s: Seconds on the loop's clock.
            entries: How many are in the group.
        """
        rest = self._left_s + APART_S - now_s
        if rest <= 0 or self._at_once:
            return 0
        self._waited_with = entries
        return rest

    def left(self, now_s: float, entries: int) -> None:
        """Note that a group leaves."""
        if self._waited_with:
            self._at_once = ALONE_FOR if entries <= self._waited_with else 0
            self._waited_with = 0
        elif self._at_once:
            self._at_once -= 1
        self._left_s = now_s
