"""Files as a power cut leaves them: what was synced is there, and a torn end is no reason not to start."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from random import Random

from idsync.model.identity import Environment, GraphKey
from idsync.store.embedded.opening import open_store
from idsync.testing.clock import ManualClock
from tests.crash.faults import faults
from tests.crash.load import sign_up
from tests.crash.served import served

PEOPLE = 30
CUTS = 60
GRAPH = GraphKey("shop", Environment.PRODUCTION)


async def entries_after(folder: Path, copy: Path, log: bytes) -> int:
    """Start on a copy of the files with another end of the log; gives how many entries there are."""
    make(folder, copy, log)
    store = await open_store(f"sqlite:///{copy / 'idsync.db'}", clock=ManualClock())
    try:
        return len(await store.entries(GRAPH, 0, 1_000))
    finally:
        await store.close()


def make(folder: Path, copy: Path, log: bytes) -> None:
    """Copy the files of a database, but for the end of its log."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for name in ("idsync.db", "idsync.db-wal", "idsync.db.log"):
        if (folder / name).exists():
            shutil.copy(folder / name, copy / name)
    (copy / "idsync.db.log-wal").write_bytes(log)


async def test_what_was_synced_survives_any_cut_behind_it(tmp_path: Path) -> None:
    """The log is cut anywhere, or ends in what was never written: the groups before that are there."""
    synced: list[int] = []
    log = tmp_path / "idsync.db.log-wal"
    with faults(tmp_path / "faults") as disk:
        async with served(tmp_path, environment=disk.environment) as service, service.client() as client:
            # as long as the tables cannot be written, the log keeps everything
            disk.write(error=errno.ENOSPC, only="idsync.db-wal")
            for number in range(PEOPLE):
                await sign_up(client, f"person-{number}")
                synced.append(log.stat().st_size)
            await service.kill()
    whole = log.read_bytes()
    random = Random(0)
    cuts = {0, 1, 31, 32, 33, *(size + by for size in synced[::7] for by in (-1, 0, 1))}
    cuts |= {random.randrange(len(whole)) for _ in range(CUTS)}

    for cut in sorted(cuts):
        expected = sum(size <= cut for size in synced)
        assert await entries_after(tmp_path, tmp_path / "cut", whole[:cut]) == expected, cut
        torn = whole[:cut] + bytes(len(whole) - cut)
        assert await entries_after(tmp_path, tmp_path / "cut", torn) == expected, f"{cut}, then zeros"
    behind = whole + random.randbytes(10_000)
    assert await entries_after(tmp_path, tmp_path / "cut", behind) == PEOPLE
