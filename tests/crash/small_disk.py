"""A disk that is soon full: a file system in memory, of a few megabytes."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

__all__ = ["fill", "make_room", "small_disk"]

SIZE_MB: Final = 160
_BALLAST: Final = "ballast"


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount it on a new folder, for the owner of the one above; skips where we may not mount."""
    folder.mkdir()
    above = folder.parent.stat()
    options = f"size={SIZE_MB}m,mode=700,uid={above.st_uid},gid={above.st_gid}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Take all the room there is, while others may take it too."""
    with (disk / _BALLAST).open("wb", buffering=0) as ballast:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def make_room(disk: Path) -> None:
    """Give back what was taken."""
    (disk / _BALLAST).unlink()
