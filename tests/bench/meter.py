"""What a measurement costs the processor: the server's share, and everybody else's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import Final

__all__ = ["Meter", "quiet"]

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_LOOK_EVERY_S: Final = 0.25
_IDLE_SHARE: Final = 0.1
"""A server below this share of a core does nothing worth waiting for."""
_QUIET_CORES: Final = 0.4


class Meter:
    """Processor time between `begin` and `end`.

    Attributes:
        used_s: That of a process and its descendants, in seconds.
        others_cores: Cores busy with neither them nor us, on average: what disturbed the measurement.
    """

    def __init__(self, pid: int) -> None:
        self.used_s = 0.0
        self.others_cores = 0.0
        self._pid = pid
        self._since_s = (0.0, 0.0, 0.0, 0.0)

    def begin(self) -> None:
        """Start measuring."""
        self._since_s = self._now()

    def end(self) -> None:
        """Stop measuring."""
        elapsed_s, self.used_s, own_s, all_s = (
            now - since for now, since in zip(self._now(), self._since_s, strict=True)
        )
        self.others_cores = max(0.0, all_s - self.used_s - own_s) / elapsed_s

    def _now(self) -> tuple[float, float, float, float]:
        return time.perf_counter(), self._family_s(), time.process_time(), _machine_s()

    def _family_s(self) -> float:
        """Add up user and system time of the process and its descendants (proc(5), stat)."""
        ticks: dict[int, int] = {}
        parents: dict[int, int] = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    # The name of a program, in parentheses, may hold anything: what counts comes after it.
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    parents[int(folder.name)] = int(fields[1])
                    ticks[int(folder.name)] = sum(map(int, fields[11:15]))
        family = {self._pid}
        while more := {child for child, parent in parents.items() if parent in family} - family:
            family |= more
        return sum(ticks.get(pid, 0) for pid in family) / _TICKS_PER_S

    async def settle(self, at_most_s: float) -> float:
        """Wait until the process does next to nothing; returns the processor seconds it took until then."""
        begun = last = self._family_s()
        for _ in range(int(at_most_s / _LOOK_EVERY_S)):
            await asyncio.sleep(_LOOK_EVERY_S)
            now = self._family_s()
            if now - last < _LOOK_EVERY_S * _IDLE_SHARE:
                break
            last = now
        return self._family_s() - begun


async def quiet(at_most_s: float) -> None:
    """Wait until the machine uses less than 0.4 cores, but not for ever."""
    for _ in range(int(at_most_s / _LOOK_EVERY_S)):
        before_s = _machine_s()
        await asyncio.sleep(_LOOK_EVERY_S)
        if _machine_s() - before_s < _LOOK_EVERY_S * _QUIET_CORES:
            return


def _machine_s() -> float:
    """Give the seconds that all cores have been busy since the machine began (proc(5), stat)."""
    # The last of these is what the host took away; guests, which follow, are in the first two already.
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _idle, _waiting, *elsewhere = map(int, fields)
    return (user + nice + system + sum(elsewhere)) / _TICKS_PER_S
