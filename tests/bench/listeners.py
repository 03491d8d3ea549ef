"""Who listens: which processes of a service take connections, and which one works behind them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["listeners"]

_LISTEN: Final = "0A"


def listeners(port: int, pids: Iterable[int]) -> set[int]:
    """Name those of some processes that hold a socket which listens on a TCP port.

    See proc(5), net/tcp and fd.
    """
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for descriptor in (Path("/proc") / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()) in sockets:
                        found.add(pid)
    return found


def _listening(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            _, address, _, state = line.split()[:4]
            if state == _LISTEN and int(address.rpartition(":")[2], 16) == port:
                inodes.add(line.split()[9])
    return inodes
