"""Speed and acceleration limits per level, and of single identities (ID-240)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from secrets import token_bytes
from typing import Final

from limits import RateLimitItemPerSecond
from limits.strategies import MovingWindowRateLimiter

from idsync.config.configuration import Limits
from idsync.model.errors import RateLimitedError
from idsync.model.identity import Identity
from idsync.server.admission.caller import Caller
from idsync.server.admission.windows import Windows

__all__ = ["Gate", "gate_of"]

_ORGANISATION: Final = "org"
_WORKSPACE: Final = "workspace"
_INPUT: Final = "app"
_FEED: Final = "feed"
_IDENTITY: Final = "system"
_ACCELERATION: Final = "acceleration"
"""The levels by the names of ID-234; a hot identity belongs to none of them, so the service is named."""

_MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True)
class _Level:
    """One level and its two limits; `id_of` names the caller on this level, `name_of` the level to him."""

    speed: RateLimitItemPerSecond | None
    acceleration: int | None
    id_of: Callable[[Caller], str]
    name_of: Callable[[Caller], str]


def _input_level(caller: Caller) -> str:
    return _FEED if caller.platform == _FEED else _INPUT


def gate_of(limits: Limits, clock: Callable[[], float] = time.monotonic) -> Gate | None:
    """Build the gate that a configuration asks for; `None`: nothing is limited, and nothing is counted."""
    levels = [
        _Level(_per_second(speed), acceleration, id_of, name_of)
        for speed, acceleration, id_of, name_of in (
            (
                limits.requests_per_second_total,
                limits.acceleration_per_second_total,
                lambda _: _ORGANISATION,
                lambda _: _ORGANISATION,
            ),
            (
                limits.requests_per_second_per_workspace,
                limits.acceleration_per_second_per_workspace,
                lambda caller: f"{_WORKSPACE}/{caller.workspace}",
                lambda _: _WORKSPACE,
            ),
            (
                limits.requests_per_second_per_key,
                limits.acceleration_per_second_per_key,
                lambda caller: f"{_INPUT}/{caller.key}",
                _input_level,
            ),
        )
        if speed is not None or acceleration is not None
    ]
    identity = _per_second(limits.requests_per_second_per_identity)
    return Gate(levels, identity, clock) if levels or identity is not None else None


def _per_second(amount: int | None) -> RateLimitItemPerSecond | None:
    return None if amount is None else RateLimitItemPerSecond(amount)


@dataclass(slots=True)
class _Pace:
    """Calls of the last minute, by second."""

    seconds: deque[tuple[int, int]] = field(default_factory=deque)
    total: int = 0

    def count(self, second: int) -> None:
        """Add one call."""
        last, calls = self.seconds[-1] if self.seconds else (second - 1, 0)
        if last == second:
            self.seconds[-1] = (second, calls + 1)
        else:
            self.seconds.append((second, 1))
        self.total += 1

    def mean(self, second: int) -> float:
        """Give the calls per second, on average over the minute before."""
        while self.seconds and self.seconds[0][0] <= second - _MINUTE_S:
            self.total -= self.seconds.popleft()[1]
        return self.total / _MINUTE_S


class Gate:
    """Lets calls in or refuses them; synchronous, so that looking and counting are one step.

    Only calls that were let in count. Operators are not limited: they must reach a service that is flooded.
    Nor is the pipeline: what it works through was counted when it came.

    Attributes:
        limits_identities: Whether any limit is one of single identities.
    """

    def __init__(
        self, levels: Iterable[_Level], identity: RateLimitItemPerSecond | None, clock: Callable[[], float]
    ) -> None:
        self._levels = tuple(levels)
        self._identity = identity
        self.limits_identities = identity is not None
        self._clock = clock
        self._windows = Windows(clock)
        self._limiter = MovingWindowRateLimiter(self._windows)
        self._paces: dict[str, _Pace] = {}
        self._hash_key = token_bytes(16)

    def admit(self, caller: Caller) -> int:
        """Let one call of a caller in.

        Returns:
            How much of the tightest limit is used now, in percent (ID-234); 0 where none applies.

        Raises:
            RateLimitedError: A limit is reached; it names the level and the wait.
        """
        if caller.is_operator or caller.is_delegate:
            return 0
        now = self._clock()
        used = 0
        for level in self._levels:
            used = max(used, self._used(level, caller, now))
        for level in self._levels:
            name = level.id_of(caller)
            if level.speed is not None:
                self._limiter.hit(level.speed, name)
            if level.acceleration is not None:
                self._windows.incr(name, 1)
                self._paces.setdefault(name, _Pace()).count(int(now))
        return used

    def _used(self, level: _Level, caller: Caller, now: float) -> int:
        """Say how much of a level this call would use, in percent; refuse what is too much."""
        name = level.id_of(caller)
        used = 0
        if level.speed is not None:
            window = self._limiter.get_window_stats(level.speed, name)
            if window.remaining < 1:
                raise _refused(level.name_of(caller), window.reset_time - now)
            used = _percent(level.speed.amount - window.remaining + 1, level.speed.amount)
        if level.acceleration is not None:
            started, speed = self._windows.get_moving_window(name, 0, 1)
            pace = self._paces.get(name)
            above = speed + 1 - (pace.mean(int(now)) if pace else 0.0)
            if above > level.acceleration:
                raise _refused(_ACCELERATION, started + 1 - now)
            used = max(used, _percent(above, level.acceleration))
        return used

    def admit_identities(self, identities: Iterable[Identity]) -> None:
        """Let one call about these identities in; none of them may be hot.

        Raises:
            RateLimitedError: One of them was asked for too often; which one is not said.
        """
        if self._identity is None:
            return
        hashed = [self._hash(identity) for identity in identities]
        for name in hashed:
            window = self._limiter.get_window_stats(self._identity, name)
            if window.remaining < 1:
                raise _refused(_IDENTITY, window.reset_time - self._clock())
        for name in hashed:
            self._limiter.hit(self._identity, name)

    def _hash(self, identity: Identity) -> str:
        # Keyed, and the key is forgotten with the process: the counters hold no personal data.
        text = f"{identity.type:d}:{identity.value}".encode()
        return blake2b(text, key=self._hash_key, digest_size=16).hexdigest()


def _percent(part: float, whole: int) -> int:
    return int(max(0.0, 100 * part / whole))


def _refused(level: str, delay_s: float) -> RateLimitedError:
    return RateLimitedError(
        f"the limit of the level {level} is reached", limit=level, retry_delay_s=max(delay_s, 0.001)
    )
