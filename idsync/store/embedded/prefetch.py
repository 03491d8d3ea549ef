"""Brings a file into the system's cache from beginning to end: a process of its own, run beside a service.

Not within the service: closing a file gives up the locks that SQLite holds on it for the whole process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["available_bytes", "prefetch"]

_STEP_BYTES: Final = 8 * 1_024 * 1_024
_LOOK_EVERY_S: Final = 0.1


def available_bytes() -> int:
    """Say how much memory the system could still give, what it only caches included."""
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1_024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def prefetch(path: Path, is_stopped: Callable[[], bool]) -> None:
    """Fetch a file; returns when it is there, or soon after `is_stopped` says so.

    Raises:
        OSError: There is no process to be had.
    """
    command = [sys.executable, "-m", "idsync.store.embedded.prefetch", str(path)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own module
    while process.returncode is None:
        if is_stopped():
            process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_EVERY_S)


def main() -> None:
    """Ask the system for one part of the file after the other."""
    with Path(sys.argv[1]).open("rb") as file:
        for start in range(0, os.fstat(file.fileno()).st_size, _STEP_BYTES):
            os.posix_fadvise(file.fileno(), start, _STEP_BYTES, os.POSIX_FADV_WILLNEED)


if __name__ == "__main__":
    main()
