"""Databases that the service must not touch, and places where it cannot be: named, and nothing written."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.crash.faults import faults
from tests.crash.load import search, sign_up
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


async def signed_up(folder: Path, people: int) -> Path:
    """A database in which so many have signed up; nothing of its log is folded."""
    with faults(folder / "faults") as disk:
        async with served(folder, environment=disk.environment) as service, service.client() as client:
            disk.write(error=errno.ENOSPC, only="idsync.db-wal")
            for number in range(people):
                await sign_up(client, f"person-{number}")
            await service.kill()
    return folder / "idsync.db"


async def folded(folder: Path, people: int) -> Path:
    """A database in which so many have signed up, and that was left in peace."""
    async with served(folder) as service, service.client() as client:
        for number in range(people):
            await sign_up(client, f"person-{number}")
        assert await service.stop() == 0
    connection = sqlite3.connect(folder / "idsync.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    return folder / "idsync.db"


async def test_the_log_of_another_database_is_refused(tmp_path: Path) -> None:
    """What it holds belongs to other people; it is left alone, for whoever finds out where it belongs."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    database, foreign = await folded(one, 3), await signed_up(other, 5)
    for end in (".log", ".log-wal"):
        shutil.copy(foreign.with_name(foreign.name + end), database.with_name(database.name + end))
    before = content(database)

    told = await refusal(f"sqlite:///{database}", one)

    assert "the log beside the database belongs to another database" in told
    assert content(database) == before
    database.unlink()
    assert "belongs to another database" in await refusal(f"sqlite:///{database}", one)


async def test_a_damaged_log_is_refused(tmp_path: Path) -> None:
    """It may hold answered writes: the service does not begin a new one in its place."""
    database = await folded(tmp_path, 3)
    log = database.with_name(database.name + ".log")
    log.with_name(log.name + "-wal").unlink(missing_ok=True)
    fill(log)

    told = await refusal(f"sqlite:///{database}", tmp_path)

    assert "cannot be used: file is not a database" in told
    assert content(log).startswith(b"this is no database")


async def test_a_lost_log_begins_where_the_tables_end(tmp_path: Path) -> None:
    """Its numbers must not come again: the fold would pass over what is answered from now on."""
    database = await folded(tmp_path, 5)
    for log in list(tmp_path.glob("idsync.db.log*")):  # noqa: ASYNC240
        log.unlink()

    async with served(tmp_path) as service, service.client() as client:
        late = await sign_up(client, "late")
        await service.kill()
    async with served(tmp_path) as service, service.client() as client:
        found = await search(client, "late")
        assert await service.stop() == 0
    code, out, err = await idsync("db", "check", "--database", f"sqlite:///{database}")

    assert found == late
    assert code == 0, out + err


@pytest.mark.parametrize("damage", ["cut off", "zeros at the beginning"])
async def test_a_database_damaged_at_its_beginning_is_refused(tmp_path: Path, damage: str) -> None:
    """Named, and not made worse."""
    database = await folded(tmp_path, 50)
    whole = content(database)
    damaged = whole[: len(whole) // 3 // 4096 * 4096] if damage == "cut off" else bytes(4096) + whole[4096:]
    put(database, damaged)

    told = await refusal(f"sqlite:///{database}", tmp_path)

    assert "malformed" in told or "damaged" in told
    assert content(database) == damaged


async def test_a_database_with_a_page_of_zeros_is_found_out_by_the_check(tmp_path: Path) -> None:
    """A start does not read all pages; `idsync db check` does."""
    database = await folded(tmp_path, 200)
    whole = content(database)
    at = len(whole) // 2 // 4096 * 4096
    put(database, whole[:at] + bytes(4096) + whole[at + 4096 :])

    code, out, err = await idsync("db", "check", "--database", f"sqlite:///{database}")

    assert code == 1, out + err


def put(file: Path, data: bytes) -> None:
    """Replace what a file holds, and what was not yet in it."""
    file.with_name(file.name + "-wal").unlink(missing_ok=True)
    file.with_name(file.name + "-shm").unlink(missing_ok=True)
    file.write_bytes(data)
