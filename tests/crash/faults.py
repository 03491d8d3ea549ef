"""Disks and clocks that misbehave, for a real process: a library in C that it loads before all others."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

__all__ = ["FOR_EVER", "Faults", "faults"]

FOR_EVER: Final = -1
_SOURCE: Final = Path(__file__).with_name("faults.c")
_FIELDS: Final = ("delay_us", "failures", "stuck", "clock_ms", "synced", "failed", "waiting", "write_error")
_NUMBER: Final = struct.Struct("q")
_NAME_BYTES: Final = 64


class Faults:
    """The switches of one process and of its children; they turn while it runs.

    Attributes:
        environment: What the process must be started with.
    """

    def __init__(self, switches: mmap.mmap, environment: dict[str, str]) -> None:
        self._switches = switches
        self.environment = environment

    def sync(self, *, delay_ms: float = 0, failures: int = 0, stuck: bool = False, only: str = "") -> None:
        """Say how syncs fare from now on.

        Args:
            delay_ms: What each takes longer.
            failures: How many fail, from the next one on.
            stuck: None returns until this is taken back.
            only: The files it befalls: those whose names end so.
        """
        self._name(only)
        self._set("delay_us", round(delay_ms * 1_000))
        self._set("failures", failures)
        self._set("stuck", int(stuck))

    def write(self, *, error: int = 0, only: str = "") -> None:
        """Have every write fail with an errno from now on, 0 for none, to files whose names end so."""
        self._name(only)
        self._set("write_error", error)

    def set_clock(self, ahead_ms: int) -> None:
        """Put the time of day ahead of the true one, or behind it."""
        self._set("clock_ms", ahead_ms)

    @property
    def synced(self) -> int:
        """How many syncs have succeeded."""
        return self._get("synced")

    @property
    def failed(self) -> int:
        """How many syncs were made to fail."""
        return self._get("failed")

    @property
    def waiting(self) -> int:
        """How many syncs have been held up."""
        return self._get("waiting")

    def _name(self, only: str) -> None:
        at = len(_FIELDS) * _NUMBER.size
        self._switches[at : at + _NAME_BYTES] = only.encode().ljust(_NAME_BYTES, b"\0")

    def _set(self, field: str, value: int) -> None:
        _NUMBER.pack_into(self._switches, _FIELDS.index(field) * _NUMBER.size, value)

    def _get(self, field: str) -> int:
        value: int = _NUMBER.unpack_from(self._switches, _FIELDS.index(field) * _NUMBER.size)[0]
        return value


@contextmanager
def faults(folder: Path) -> Iterator[Faults]:
    """Build the library in a folder, with every switch off; skips where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler (cc) to build faults.c with")
    folder.mkdir(exist_ok=True)
    library, file = folder / "faults.so", folder / "faults.switches"
    command = [
        compiler,
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        "-Werror",
        "-o",
        str(library),
        str(_SOURCE),
        "-ldl",
    ]
    subprocess.run(command, check=True)
    file.write_bytes(bytes(len(_FIELDS) * _NUMBER.size + _NAME_BYTES))
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as switches:
        try:
            yield Faults(switches, {"LD_PRELOAD": str(library), "IDSYNC_FAULTS": str(file)})
        finally:
            # whoever is held up goes on, so that it can end
            for field in _FIELDS:
                _NUMBER.pack_into(switches, _FIELDS.index(field) * _NUMBER.size, 0)
