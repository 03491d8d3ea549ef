"""Moving windows in memory, for the strategies of the library `limits`.

Its own memory stores start a thread or a task every few milliseconds that walks over all keys; with a key for
each hot identity that costs more than the calls it counts. This one forgets while it counts, and reads a
clock that cannot be set back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from limits.storage.base import MovingWindowSupport, Storage

__all__ = ["Windows"]

_SWEEP_S: Final = 1.0


class Windows(Storage, MovingWindowSupport):
    """Remembers the moments of accepted calls, a queue for each key.

    Args:
        clock: Seconds that only ever grow.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._moments: dict[str, deque[float]] = {}
        self._ends: dict[str, float] = {}
        self._sweep_at = clock() + _SWEEP_S

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` calls if they fit in the window of `expiry` seconds."""
        now = self._clock()
        moments = self._current(key, now - expiry)
        if len(moments) + amount > limit:
            return False
        moments.extend([now] * amount)
        self._moments[key] = moments
        self._ends[key] = now + expiry
        if now >= self._sweep_at:
            self._sweep(now)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Give the moment of the oldest call in the window, and how many there are."""
        del limit
        now = self._clock()
        moments = self._current(key, now - expiry)
        return (moments[0] if moments else now), len(moments)

    def _current(self, key: str, start: float) -> deque[float]:
        moments = self._moments.get(key)
        if moments is None:
            return deque()
        while moments and moments[0] <= start:
            moments.popleft()
        return moments

    def _sweep(self, now: float) -> None:
        """Forget keys whose last call has left the window; each is looked at once a second at most."""
        self._sweep_at = now + _SWEEP_S
        for key in [key for key, end in self._ends.items() if end <= now]:
            del self._moments[key], self._ends[key]

    def __len__(self) -> int:
        return len(self._moments)

    # -- what `Storage` asks of every store; moving windows use none of it -----------------------------------

    @property
    def base_exceptions(self) -> type[Exception]:
        """Nothing here can fail but a programming error."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count without a limit."""
        self.acquire_entry(key, self.get(key) + amount, expiry, amount)
        return self.get(key)

    def get(self, key: str) -> int:
        """Give the calls that were counted and not yet forgotten."""
        return len(self._moments.get(key, ()))

    def get_expiry(self, key: str) -> float:
        """Give the moment at which a key can be forgotten."""
        return self._ends.get(key, self._clock())

    def check(self) -> bool:
        """Say that the store works."""
        return True

    def reset(self) -> int:
        """Forget everything."""
        count = len(self._moments)
        self._moments.clear()
        self._ends.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one key."""
        self._moments.pop(key, None)
        self._ends.pop(key, None)
