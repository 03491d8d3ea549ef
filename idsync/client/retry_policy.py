"""When a call that found nobody is sent again, and when not."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import stamina

from idsync.model.errors import IdsyncError, UnavailableError

__all__ = ["BRIEFLY", "RetryPolicy"]

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a client is with a service that is not available.

    By default a call outlives the loss of a database's leader, which takes 20 s and more, and comes back
    soon after there is a new one.

    Attributes:
        attempts: How often a call is sent at most, the first time included; 1 never repeats, `None` sets
            no limit beside `patience_s`.
        first_wait_s: Wait before the second attempt, in seconds; it doubles with every further one.
        longest_wait_s: The doubling ends here, in seconds. A service that asks for a longer wait gets it.
        patience_s: No wait is begun that would end later than so many seconds after the first failure;
            the error is raised instead. The deadline of the call comes first if it is nearer.
        clock: Seconds that only grow.
        jitter: A number from 0 to 1 that spreads the waits of many clients by up to a quarter.
    """

    attempts: int | None = None
    first_wait_s: float = 0.1
    longest_wait_s: float = 2.0
    patience_s: float = 60.0
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random

    async def repeat(
        self,
        error: UnavailableError,
        send: Callable[[float | None], Awaitable[A]],
        deadline_s: float | None,
    ) -> A:
        """Send a call again whose first attempt has failed.

        Args:
            error: What the first attempt raised.
            send: Sends the call; takes the seconds that are left.
            deadline_s: When the answer must be here, by `clock`; `None` for any time.

        Returns:
            The first answer.

        Raises:
            IdsyncError: The error of the last attempt, which says how many `attempts` there were. A wait
                that would pass the deadline or the patience is not begun.
        """
        patient_until_s = self.clock() + self.patience_s

        def wait_s(error: Exception) -> float | bool:
            if not isinstance(error, UnavailableError) or error.retry_delay_s <= 0:
                return False
            wait = max(error.retry_delay_s, self._grown_wait_s(error.attempts))
            wait *= 1 + self.jitter() / 4
            back_s = self.clock() + wait
            if back_s > patient_until_s or (deadline_s is not None and back_s >= deadline_s):
                return False
            return wait

        async for attempt in stamina.retry_context(on=wait_s, attempts=self.attempts, timeout=None):
            with attempt:
                # The first attempt was made before stamina came in, so that calls that succeed pay nothing.
                if attempt.num == 1:
                    raise error
                try:
                    return await send(None if deadline_s is None else deadline_s - self.clock())
                except IdsyncError as failure:
                    failure.attempts = attempt.num
                    raise
        raise AssertionError("stamina ends with an answer or an error")  # pragma: no cover

    def _grown_wait_s(self, attempts: int) -> float:
        # after so many doublings any wait is long, and a power that goes on growing is no number any more
        return min(self.first_wait_s * 2.0 ** min(attempts - 1, 64), self.longest_wait_s)


BRIEFLY: Final = RetryPolicy(attempts=5)
"""For whoever has somebody waiting: a person at a terminal, a caller over HTTP who can come again."""
