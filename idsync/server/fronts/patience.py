"""How long a front waits for more calls before it sends those it has.

gRPC hands calls to Python one at a time, a few turns of the event loop apart, so what came in one turn is
mostly a single call; what it costs to send, to wake the owner and to be woken is then paid for each. While
calls come in quick succession some turns of patience gather several. A lone caller must not pay for that:
where patience gathers nothing it is given up, and only tried again now and then.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TURNS", "Patience"]

TURNS: Final = 16
"""Turns of the loop that a group waits at most; without other work they are over within some 50 µs."""
_ATTEMPTS: Final = 4
"""Groups in a row that waited in vain, after which waiting is given up."""
_PAUSE: Final = 64
"""Groups that are sent at once before waiting is tried again."""


class Patience:
    """Learns from each group whether waiting pays."""

    def __init__(self) -> None:
        self._in_vain = 0
        self._pause = 0

    def turns(self) -> int:
        """Say how many turns the group that begins now should wait."""
        return 0 if self._pause else TURNS

    def sent(self, frames: int) -> None:
        """Learn how many frames the group had in the end."""
        if frames > 1:
            self._in_vain = self._pause = 0
        elif self._pause:
            self._pause -= 1
        else:
            self._in_vain += 1
            if self._in_vain >= _ATTEMPTS:
                # one more group in vain is enough to give up anew
                self._in_vain, self._pause = _ATTEMPTS - 1, _PAUSE
