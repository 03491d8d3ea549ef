"""Databases that the service must not touch, and places where it cannot be: named, and nothing written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.crash.served import CONFIGURATION, served
from tests.program import idsync


async def refusal(database: str, folder: Path) -> str:
    """Try to start on a database; gives what the service says."""
    config = folder / "refused.toml"
    config.write_text(CONFIGURATION)
    where = ("--database", database, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    code, out, err = await idsync("serve", "--config", str(config), *where)
    assert code == 1, err
    assert out == "", "nothing is ready"
    return err


def fill(file: Path) -> None:
    """Write something that is no database."""
    file.write_bytes(b"this is no database at all, and longer than a header is" * 40)


def content(file: Path) -> bytes:
    """Give what a file holds."""
    return file.read_bytes()


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """A database of this version."""
    async with served(tmp_path) as service:
        assert await service.stop() == 0
    return tmp_path / "idsync.db"


async def test_a_second_process_on_the_same_file_is_refused(tmp_path: Path) -> None:
    """One process owns an embedded store (design section 7)."""
    async with served(tmp_path) as service:
        said = await refusal(f"sqlite:///{tmp_path / 'idsync.db'}", tmp_path)
        assert await service.stop() == 0

    assert "in use by another process" in said


async def test_the_lock_does_not_outlive_a_killed_process(tmp_path: Path) -> None:
    """It is the operating system's (design section 5)."""
    async with served(tmp_path) as service:
        await service.kill()
    async with served(tmp_path) as service:
        code = await service.stop()

    assert code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer version"),
        ("PRAGMA application_id = 7", "belongs to something else"),
    ],
)
async def test_a_database_of_another_kind_is_refused_and_left_alone(
    database: Path, change: str, said: str
) -> None:
    """A newer or a foreign database is named as such."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute(change)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    before = content(database)

    told = await refusal(f"sqlite:///{database}", database.parent)

    assert said in told
    assert content(database) == before


async def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    """A file that is no database is not overwritten."""
    damaged = tmp_path / "idsync.db"
    fill(damaged)

    told = await refusal(f"sqlite:///{damaged}", tmp_path)

    assert "damaged or is no database" in told
    assert content(damaged).startswith(b"this is no database")


async def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Not even root can write there."""
    told = await refusal("sqlite:////proc/self/idsync.db", tmp_path)

    assert "cannot" in told


async def test_only_the_owner_may_read_what_is_kept(database: Path) -> None:
    """The files hold values of people."""
    kept = [file for file in database.parent.iterdir() if file.name.startswith(database.name)]

    assert len(kept) >= 2
    assert [oct(file.stat().st_mode & 0o077) for file in kept] == ["0o0"] * len(kept)
