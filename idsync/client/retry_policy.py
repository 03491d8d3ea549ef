"""When a call that found nobody is sent again, and when not."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from idsync.model.errors import IdsyncError, UnavailableError

__all__ = ["RetryPolicy"]

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a client is with a service that is not available.

    Attributes:
        attempts: How often a call is sent at most, the first time included; 1 never repeats.
        first_wait_s: Wait before the second attempt; it doubles with every further one. A service that
            asks for a longer wait gets it.
        longest_wait_s: A wait beyond this is the caller's business: the error is raised instead.
        clock: Seconds that only grow.
        jitter: A number from 0 to 1 that spreads the waits of many clients by up to a quarter.
    """

    attempts: int = 5
    first_wait_s: float = 0.1
    longest_wait_s: float = 30.0
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
                that would pass the deadline is not begun.
        """

        def wait_s(error: Exception) -> float | bool:
            if not isinstance(error, UnavailableError) or error.retry_delay_s <= 0:
                return False
            wait = max(error.retry_delay_s, self.first_wait_s * 2.0 ** (error.attempts - 1))
            wait *= 1 + self.jitter() / 4
            if wait > self.longest_wait_s or (deadline_s is not None and self.clock() + wait >= deadline_s):
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
