"""The chain of an SQLite file: sealed with the fold, found broken where somebody was at it, and upgraded."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from idsync.model.journal import Change, ChangeKind
from idsync.store.embedded.audit import check, rebuild
from idsync.store.embedded.compaction import compact
from idsync.store.embedded.opening import open_store, seal_file
from idsync.store.embedded.sealing import check_chain
from idsync.store.sql.schema import upgrade
from idsync.store.sql.schema_state import SchemaState, migrations, state_of
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL, OTHER_MAIL

_TABLES = ("graph", "identity", "profile", "link", "directory", "journal")


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """Four entries, one of them with a text of its caller, and one who was erased."""
    path = tmp_path / "graph.db"
    store = await open_store(f"sqlite:///{path}", clock=ManualClock())
    scribe = Scribe(store)
    mpid = await scribe.create(MAIL, DEVICE, request_id="request-of-one")
    await scribe.create(DEVICE, request_id="request-of-two")
    await scribe.remove(mpid, MAIL)
    await scribe.add(mpid, OTHER_MAIL)
    erased = [Change(ChangeKind.VALUE_ERASED, mpid, value, reason="k:d") for value in (MAIL, OTHER_MAIL)]
    await scribe.write(mpid, Change(ChangeKind.PROFILE_ERASED, mpid), *erased, idempotency_key="id-1")
    await store.close()
    return path


def _do(database: Path, *statements: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def _faults(database: Path) -> list[str]:
    [report] = check_chain(database)
    return [fault.text for fault in report.faults]


def test_what_was_written_is_sealed(database: Path) -> None:
    [report] = check_chain(database)

    assert (report.sealed, report.waiting, report.faults) == (5, 0, [])


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "UPDATE journal SET body = replace(body, '[', '[ ') WHERE seq = 2",
            "entry 2 was changed, or its link was",
        ),
        ("UPDATE journal SET at_ms = at_ms + 1 WHERE seq = 4", "entry 4 was changed, or its link was"),
        ("UPDATE journal SET request_id = 'x' WHERE seq = 2", "entry 2 was changed, or its link was"),
        (
            "UPDATE journal SET request_id = 'request-of-one' WHERE seq = 1",
            "entry 1 was changed: it carries a text that was erased",
        ),
        ("DELETE FROM journal WHERE seq = 3", "entry 3 is missing"),
        ("DELETE FROM journal WHERE seq = 5", "entry 5 is missing"),
        ("UPDATE seal SET link = zeroblob(32) WHERE seq = 5", "entry 5 was changed, or its link was"),
        ("DELETE FROM seal WHERE seq = 3", "entry 3 was inserted, or its link was removed"),
    ],
)
def test_who_was_at_it_is_found_out(database: Path, statement: str, fault: str) -> None:
    _do(database, statement)

    assert fault in _faults(database)


def test_a_rebuild_keeps_the_chain(database: Path) -> None:
    _do(database, "DELETE FROM profile")

    rebuild(database)

    assert _faults(database) == []
    assert check(database)[1] == []


def _older(database: Path, path: Path) -> None:
    """Make the database that the version before would have: its schema, and the rows."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrations()))
        config.set_main_option("version_table", "alembic_version")
        command.upgrade(config, "0001")
    engine.dispose()
    older = sqlite3.connect(path)
    older.execute("ATTACH ? AS newer", (str(database),))
    for table in _TABLES:
        columns = ", ".join(row[1] for row in older.execute(f"PRAGMA main.table_info({table})"))
        older.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM newer.{table}")
    older.commit()
    older.close()


def test_an_older_database_is_sealed_from_its_first_entry_on(database: Path, tmp_path: Path) -> None:
    """With all that it holds; the service need not be started for it."""
    older = tmp_path / "older" / "graph.db"
    older.parent.mkdir()
    _older(database, older)

    assert state_of(older) is SchemaState.OLDER
    upgrade(older)
    [before] = check_chain(older)
    seal_file(older)
    [after] = check_chain(older)

    assert (before.sealed, before.waiting, before.faults) == (0, 5, [])
    assert (after.sealed, after.waiting, after.faults) == (5, 0, [])
    assert check(older) == (5, [])


async def test_a_start_seals_what_an_upgrade_left(database: Path, tmp_path: Path) -> None:
    _do(database, "DELETE FROM seal WHERE seq > 1")

    store = await open_store(f"sqlite:///{database}", clock=ManualClock())
    await Scribe(store).create(MAIL)
    await store.close()
    [report] = check_chain(database)

    assert (report.sealed, report.faults) == (6, [])


def _found_in(folder: Path, *texts: str) -> list[tuple[str, str]]:
    """Search the bytes of every file."""
    return [
        (path.name, text)
        for path in folder.iterdir()
        if path.is_file()
        for text in texts
        if text.encode() in path.read_bytes()
    ]


def _contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def test_nothing_erased_is_in_any_file_once_it_is_compacted(database: Path) -> None:
    """Main file, -wal, -shm, log and free pages; what lives on is there still."""
    erased = (MAIL.value, OTHER_MAIL.value, "request-of-one")
    for name in ("graph.db-wal", "graph.db-shm"):
        database.with_name(name).touch()

    before, after = compact(database)

    assert _found_in(database.parent, *erased) == []
    assert {text for _, text in _found_in(database.parent, DEVICE.value, "request-of-two")} == {
        DEVICE.value,
        "request-of-two",
    }
    assert after <= before
    assert check(database) == (5, [])
    assert _faults(database) == []


async def test_nothing_erased_is_left_of_a_large_graph(tmp_path: Path) -> None:
    """Rows that moved from page to page left copies behind before they were erased."""
    path = tmp_path / "graph.db"
    store = await open_store(f"sqlite:///{path}", clock=ManualClock())
    scribe = Scribe(store)
    people = [MAIL._replace(value=f"person-{number:04}-{'x' * 40}@example.com") for number in range(600)]
    mpids = [await scribe.create(person, request_id=f"about {person.value}") for person in people]
    for mpid in mpids[::2]:
        await scribe.write(mpid, Change(ChangeKind.PROFILE_ERASED, mpid), idempotency_key=f"id-{mpid}")
    await store.close()

    compact(path)

    contents = _contents(tmp_path)
    assert [p.value for p in people[::2] if p.value.encode() in contents] == []
    assert all(p.value.encode() in contents for p in people[1::2])
