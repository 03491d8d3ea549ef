"""A slower disk: a library, compiled when it is needed, that makes every sync of a process take longer."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.bench.measurement import LeftOutError

__all__ = ["compiled", "delaying"]

_SOURCE: Final = Path(__file__).with_name("slow_sync.c")


async def compiled(folder: Path) -> Path:
    """Compile the library into a folder.

    Raises:
        LeftOutError: There is no C compiler, or it failed.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise LeftOutError("there is no C compiler (cc)")
    library = folder / "slow_sync.so"
    command = (compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl")
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise LeftOutError("the C compiler failed")
    return library


def delaying(library: Path, delay_ms: float) -> Mapping[str, str]:
    """Give the variables that put the library before a program, with so many milliseconds for each sync."""
    return {"LD_PRELOAD": str(library), "IDSYNC_BENCH_SYNC_DELAY_MS": str(delay_ms)}
