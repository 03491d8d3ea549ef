"""What a measurement costs: processor time of the server and of everybody else, memory, room on disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["Meter", "family", "memory_bytes", "quiet"]

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_LOOK_EVERY_S: Final = 0.25
_IDLE_SHARE: Final = 0.1
"""A server below this share of a core does nothing worth waiting for."""
_QUIET_CORES: Final = 0.4


class Meter:
    """Processor time between `begin` and `end`.

    Attributes:
        used_s: That of some processes and their descendants, in seconds.
        used_by: The same by process.
        others_cores: Cores busy with neither them nor us, on average: what disturbed the measurement.
    """

    def __init__(self, *pids: int) -> None:
        self.used_s = 0.0
        self.used_by: dict[int, float] = {}
        self.others_cores = 0.0
        self._pids = pids
        self._since_s = (0.0, 0.0, 0.0)
        self._since_by: dict[int, int] = {}

    def begin(self) -> None:
        """Start measuring."""
        self._since_by = _processor_ticks(self._pids)
        self._since_s = self._now()

    def end(self) -> None:
        """Stop measuring."""
        elapsed_s, own_s, all_s = (now - since for now, since in zip(self._now(), self._since_s, strict=True))
        now_by = _processor_ticks(self._pids)
        since = self._since_by
        self.used_by = {pid: (now - since.get(pid, 0)) / _TICKS_PER_S for pid, now in now_by.items()}
        # one that has ended lives on in the account of its parent
        self.used_s = (sum(now_by.values()) - sum(self._since_by.values())) / _TICKS_PER_S
        self.others_cores = max(0.0, all_s - self.used_s - own_s) / elapsed_s

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.process_time(), _machine_s()

    async def settle(self, at_most_s: float) -> float:
        """Wait until the processes do next to nothing; returns the processor seconds they took until then."""
        begun = last = self._used_s()
        for _ in range(int(at_most_s / _LOOK_EVERY_S)):
            await asyncio.sleep(_LOOK_EVERY_S)
            now = self._used_s()
            if now - last < _LOOK_EVERY_S * _IDLE_SHARE:
                break
            last = now
        return self._used_s() - begun

    def _used_s(self) -> float:
        return sum(_processor_ticks(self._pids).values()) / _TICKS_PER_S


async def quiet(at_most_s: float) -> None:
    """Wait until the machine uses less than 0.4 cores, but not for ever."""
    for _ in range(int(at_most_s / _LOOK_EVERY_S)):
        before_s = _machine_s()
        await asyncio.sleep(_LOOK_EVERY_S)
        if _machine_s() - before_s < _LOOK_EVERY_S * _QUIET_CORES:
            return


def family(*pids: int) -> set[int]:
    """Name processes and their descendants."""
    return set(_processor_ticks(pids))


def memory_bytes(*pids: int) -> tuple[int, int]:
    """Give what processes and their descendants hold in memory, and the most that they ever held."""
    resident = peak = 0
    for pid in family(*pids):
        with contextlib.suppress(OSError):
            lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
            sizes = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
            resident += int(sizes.get("VmRSS", 0)) * 1024
            peak += int(sizes.get("VmHWM", 0)) * 1024
    return resident, peak


def _processor_ticks(roots: Sequence[int]) -> dict[int, int]:
    """Give user and system time of processes and their descendants, by process, in ticks (proc(5), stat)."""
    ticks: dict[int, int] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                # The name of a program, in parentheses, may hold anything: what counts comes after it.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
                ticks[int(folder.name)] = sum(map(int, fields[11:15]))
    found = set(roots)
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: ticks[pid] for pid in found if pid in ticks}


def _machine_s() -> float:
    """Give the seconds that all cores have been busy since the machine began (proc(5), stat)."""
    # The last of these is what the host took away; guests, which follow, are in the first two already.
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _idle, _waiting, *elsewhere = map(int, fields)
    return (user + nice + system + sum(elsewhere)) / _TICKS_PER_S
