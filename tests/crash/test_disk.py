"""A disk that is full or can only be read: refused while it lasts, nothing lost, and it goes on by itself."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from idsync.model.errors import UnavailableError
from tests.crash.faults import Faults, faults
from tests.crash.load import SignUps, holders, require_clean, search
from tests.crash.served import CONFIGURATION, served
from tests.program import idsync

LOG = "idsync.db.log-wal"
TABLES = "idsync.db-wal"
SIZE_MIB = 6


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Faults]:
    with faults(tmp_path / "faults") as switches:
        yield switches


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize(
    ("error", "killed"), [(errno.ENOSPC, False), (errno.EROFS, False), (errno.EIO, True)]
)
async def test_a_log_that_cannot_be_written(
    tmp_path: Path, disk: Faults, error: int, *, killed: bool
) -> None:
    """Nothing is acknowledged meanwhile, reading goes on; then writing does, or the next start finds all."""
    people = SignUps()
    async with served(tmp_path, environment=disk.environment) as service:
        people.begin(service)
        await people.more()
        disk.write(error=error, only=LOG)
        await people.more_refused()
        before = len(people.acknowledged)
        await people.more_refused()
        assert len(people.acknowledged) == before
        async with service.client() as client:
            assert await search(client, "person-0") == people.acknowledged["person-0"]
        if killed:
            await people.end()
            await service.kill()
        else:
            disk.write()
            await people.more()
            await people.end()
            await people.require_kept(service)
            assert await service.stop() == 0
    async with served(tmp_path) as service:
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    people.require_honest_refusals()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
async def test_tables_that_cannot_be_written(tmp_path: Path, disk: Faults, error: int) -> None:
    """The log is enough for an answer; what looks into the tables is refused, and they catch up."""
    people = SignUps()
    async with served(tmp_path, environment=disk.environment) as service, service.client() as client:
        people.begin(service)
        await people.more()
        disk.write(error=error, only=TABLES)
        await people.more(200)
        await people.end()
        with pytest.raises(UnavailableError) as refused:
            await holders(client, "device of person-0")
        disk.write()
        assert await holders(client, "device of person-0") == [people.acknowledged["person-0"]]
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    assert people.refused == {}
    assert refused.value.retry_delay_s > 0


async def test_a_small_disk_fills_up(small_disk: Path) -> None:
    """A real file system, which log and tables share: both run out of room, and go on when there is some."""
    people = SignUps()
    ballast = small_disk / "ballast"
    async with served(small_disk) as service, service.client() as client:
        people.begin(service)
        await people.more()
        fill(ballast)
        await people.more_refused()
        assert await search(client, "person-0") == people.acknowledged["person-0"]
        ballast.unlink()
        await people.more()
        await people.end()
        await people.require_kept(service)
        assert await service.stop() == 0
    async with served(small_disk) as service:
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(small_disk)

    people.require_honest_refusals()


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4_096)):
            pass


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


async def test_a_disk_that_can_only_be_read_is_refused_at_start(small_disk: Path) -> None:
    """It is named, nothing is said to be ready, and the database is as before once it can be written."""
    people = SignUps()
    async with served(small_disk) as service:
        people.begin(service)
        await people.more()
        await people.end()
        assert await service.stop() == 0
    config = small_disk / "idsync.toml"
    config.write_text(CONFIGURATION)
    where = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    remount(small_disk, "ro")

    code, out, err = await idsync(
        "serve", "--config", str(config), "--database", f"sqlite:///{small_disk / 'idsync.db'}", *where
    )

    assert (code, out) == (1, "")
    assert "cannot" in err
    assert "ead-only" in err
    remount(small_disk, f"rw,size={SIZE_MIB}m")
    async with served(small_disk) as service:
        await people.require_kept(service)
        assert await service.stop() == 0
