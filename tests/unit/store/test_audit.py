"""Each table that is not the fold of the journal is named by a check, and put right by a rebuild."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest

from idsync.model.aliasing import AliasTerms
from idsync.model.errors import StoreError
from idsync.model.identity import Environment, GraphKey
from idsync.model.journal import Change, ChangeKind
from idsync.store.embedded import audit
from idsync.store.embedded.audit import _FOLDED, Difference, check, rebuild
from idsync.store.embedded.opening import open_store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, OTHER_DEVICE

TABLES = ("alias", "directory", "flag", "identity", "link", "profile")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a closed store with some of everything in two graphs, once."""
    path = tmp_path_factory.mktemp("written") / "graph.db"
    asyncio.run(_write(path))
    return path


@pytest.fixture
def database(written: Path, tmp_path: Path) -> Path:
    """Give a copy of it."""
    return _copy(written, tmp_path)


async def _write(path: Path) -> None:
    store = await open_store(f"sqlite:///{path}", clock=ManualClock())
    scribe = Scribe(store)
    first, second = await scribe.create(DEVICE, CUSTOMER), await scribe.create(MAIL)
    await scribe.remove(first, DEVICE)
    await scribe.describe(second, DEVICE)
    await scribe.give_back(first)
    terms = AliasTerms(first, second, 0, 1, "mpid", None, 2)
    await scribe.write(first, Change(ChangeKind.ALIAS_TAKEN, first, other=second, terms=terms))
    await scribe.erase(await scribe.create(OTHER_DEVICE))
    await scribe.write(0, Change(ChangeKind.QUARANTINED, 0, MAIL))
    await Scribe(store, GraphKey("other", Environment.DEVELOPMENT)).create(DEVICE)
    await store.close()


ENTRIES = 10


def test_what_the_store_wrote_is_what_the_journal_says(database: Path) -> None:
    assert check(database) == (ENTRIES, [])
    assert rebuild(database) == (ENTRIES, [])
    assert check(database) == (ENTRIES, [])


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE profile SET size = size + 1 WHERE created_seq = 2", Difference("profile", 1, 1)),
        ("DELETE FROM profile WHERE created_seq = 2", Difference("profile", 1, 0)),
        (
            "INSERT INTO profile (graph_id, mpid, source, created_seq, created_ms, recency, active_ms, "
            "returned_ms, erased, types, size, version) SELECT graph_id, 5, source, created_seq, "
            "created_ms, recency, active_ms, returned_ms, erased, types, size, version FROM profile "
            "WHERE created_seq = 2",
            Difference("profile", 0, 1),
        ),
        ("UPDATE link SET until_seq = NULL WHERE until_seq = 3", Difference("link", 1, 1)),
        ("DELETE FROM link WHERE until_seq = 3", Difference("link", 1, 0)),
        (
            "INSERT INTO link (graph_id, identity_id, mpid, since_seq, position, until_seq, descriptive) "
            "SELECT graph_id, identity_id, mpid, 99, position, until_seq, descriptive FROM link "
            "WHERE until_seq = 3",
            Difference("link", 0, 1),
        ),
        ("UPDATE alias SET state = 1 - state", Difference("alias", 1, 1)),
        ("DELETE FROM alias", Difference("alias", 1, 0)),
        (
            "INSERT INTO alias SELECT graph_id, 99, source, destination, start_ms, end_ms, scope, stamp_id, "
            "apply_at_ms, state, arrived_ms, ignored_reason, applied_ms, settled_seq FROM alias",
            Difference("alias", 0, 1),
        ),
        (
            "UPDATE directory SET graph_id = 77 WHERE mpid = (SELECT min(mpid) FROM directory)",
            Difference("directory", 1, 1),
        ),
        (
            "DELETE FROM directory WHERE mpid = (SELECT min(mpid) FROM directory)",
            Difference("directory", 1, 0),
        ),
        ("UPDATE flag SET until_seq = 9", Difference("flag", 1, 1)),
        ("DELETE FROM flag", Difference("flag", 1, 0)),
        (
            "INSERT INTO flag SELECT graph_id, identity_id, 2, seq, until_seq FROM flag",
            Difference("flag", 0, 1),
        ),
        ("INSERT INTO directory (mpid, graph_id) VALUES (5, 1)", Difference("directory", 0, 1)),
        ("UPDATE identity SET version = version + 1 WHERE identity_id = 1", Difference("identity", 1, 1)),
    ],
)
def test_damage_is_found_and_put_right(database: Path, damage: str, found: Difference) -> None:
    """A check names it and leaves it; a rebuild names it and mends it."""
    before = _tables(database)
    _execute(database, damage)
    damaged = _tables(database)

    assert check(database) == (ENTRIES, [found])
    assert _tables(database) == damaged != before
    assert rebuild(database) == (ENTRIES, [found])
    assert _tables(database) == before
    assert check(database) == (ENTRIES, [])


@pytest.mark.parametrize("table", ["alias", "directory", "flag", "link", "profile"])
def test_every_column_is_compared(database: Path, table: str) -> None:
    """All but the dictionary, whose values no journal entry carries, is compared whole."""
    connection = sqlite3.connect(database)
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    connection.close()

    assert sorted(_FOLDED[table].split(", ")) == sorted(columns)


@pytest.mark.parametrize(("lost", "named"), [(1, 2), (4, 5)])
def test_a_journal_with_a_gap_is_refused(database: Path, lost: int, named: int) -> None:
    """It adds up to nothing; the tables stay as they are."""
    _execute(database, f"DELETE FROM journal WHERE graph_id = 1 AND seq = {lost}")
    before = _tables(database)

    for run in (check, rebuild):
        with pytest.raises(StoreError, match=f"gap before entry {named} of graph 1"):
            run(database)
    assert _tables(database) == before


def test_a_long_journal_is_folded_in_parts(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the parts add up to is the same, wherever they are cut."""
    monkeypatch.setattr(audit, "_ENTRIES_AT_ONCE", 2)

    assert check(database) == (ENTRIES, [])


async def test_what_only_the_log_holds_counts(database: Path, tmp_path: Path) -> None:
    """A store that was killed left answered writes there (ID-041)."""
    store = await open_store(f"sqlite:///{database}", clock=ManualClock())
    await Scribe(store).create(DEVICE)
    killed = _copy(database, tmp_path / "killed")
    await store.close()

    assert check(killed) == (ENTRIES + 1, [])


async def test_a_store_in_use_is_left_alone(database: Path) -> None:
    store = await open_store(f"sqlite:///{database}", clock=ManualClock())
    try:
        for run in (check, rebuild):
            with pytest.raises(StoreError):
                run(database)
    finally:
        await store.close()

    assert check(database) == (ENTRIES, [])


def test_no_database_is_made(tmp_path: Path) -> None:
    """A mistyped name is an error, not an empty store without differences."""
    for run in (check, rebuild):
        with pytest.raises(StoreError, match="no such database"):
            run(tmp_path / "graph.db")

    assert list(tmp_path.iterdir()) == []


def _copy(database: Path, directory: Path) -> Path:
    """Copy a store with its log, as they lie there."""
    directory.mkdir(exist_ok=True)
    for file in database.parent.glob(f"{database.name}*"):
        shutil.copy(file, directory)
    return directory / database.name


def _execute(database: Path, text: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        assert connection.execute(text).rowcount == 1
    connection.close()


def _tables(database: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(database)
    tables = {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}
    connection.close()
    return tables
