"""The library for a slower disk really delays what a process syncs, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.bench.measurement import LeftOutError
from tests.bench.slow_disk import compiled, delaying

PROGRAM = """
import os, sqlite3, sys, time
begun = time.perf_counter()
with open(sys.argv[1], "wb") as file:
    for sync in (os.fsync, os.fdatasync):
        file.write(b"x")
        file.flush()
        sync(file.fileno())
print(time.perf_counter() - begun)
database = sqlite3.connect(sys.argv[1] + ".db", isolation_level=None)
database.execute("PRAGMA journal_mode=WAL")
database.execute("PRAGMA synchronous=FULL")
database.execute("CREATE TABLE t (a)")
begun = time.perf_counter()
for number in range(3):
    database.execute("INSERT INTO t VALUES (?)", (number,))
print(time.perf_counter() - begun)
"""
DELAY_MS = 60.0


def timed(folder: Path, variables: Mapping[str, str]) -> list[float]:
    """Give the seconds for two syncs, and for three commits of SQLite."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder / "file")],
        env={**os.environ, **variables},
        capture_output=True,
        check=True,
        text=True,
    )
    return [float(line) for line in run.stdout.split()]


async def test_every_sync_takes_longer_those_of_sqlite_too(tmp_path: Path) -> None:
    try:
        library = await compiled(tmp_path)
    except LeftOutError as reason:
        pytest.skip(str(reason))
    folders = [tmp_path / name for name in ("slow", "plain")]
    for folder in folders:
        folder.mkdir()

    syncs, commits = timed(folders[0], delaying(library, DELAY_MS))
    plain_syncs, _ = timed(folders[1], delaying(library, 0.0))

    assert syncs >= 2 * DELAY_MS / 1_000
    assert commits >= 3 * DELAY_MS / 1_000
    # the machine may be slow, but not by what the library would have added
    assert plain_syncs < syncs
