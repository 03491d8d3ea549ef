"""A clock that ticks more often than an event loop's timers, which round to milliseconds."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from types import TracebackType

__all__ = ["Ticker"]


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Interval(ctypes.Structure):
    _fields_ = (("every", _Timespec), ("first", _Timespec))


class Ticker:
    """Calls `on_tick` every `interval_s` (below a second) while it is open; Linux only (timerfd)."""

    def __init__(self, interval_s: float, on_tick: Callable[[], None]) -> None:
        self._on_tick = on_tick
        interval = _Timespec(0, int(interval_s * 1e9))
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        setting = _Interval(interval, interval)
        if self._descriptor < 0 or libc.timerfd_settime(self._descriptor, 0, ctypes.byref(setting), None) < 0:
            raise OSError(ctypes.get_errno(), "no timer")

    def __enter__(self) -> Ticker:
        asyncio.get_running_loop().add_reader(self._descriptor, self._tick)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _tick(self) -> None:
        os.read(self._descriptor, 8)
        self._on_tick()
