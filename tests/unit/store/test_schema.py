"""The schema: migrations lead to it, and SQLite's planner finds its keys."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from idsync.model.errors import StoreError
from idsync.model.flag import Flag
from idsync.model.journal import Change, ChangeKind
from idsync.model.recording import RecordedCall
from idsync.store.embedded import loader, membership_reader
from idsync.store.embedded.opening import open_store
from idsync.store.sql import schema, schema_state
from idsync.store.sql.schema import create, upgrade
from idsync.store.sql.schema_state import SchemaState, require_current, state_of
from idsync.testing.clock import ManualClock
from idsync.testing.graph_image import graph_image
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL
from tests.unit.store.first_schema import TO_SQLITE


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An empty database of this version."""
    path = tmp_path / "idsync.db"
    create(path)
    return path


def objects(database: Path) -> set[tuple[str, str]]:
    """Everything a database is made of, but for white space, quotes and the order of columns."""
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {
        (name, part)
        for name, sql in rows
        if name != "alembic_version"
        for part in re.split("[(),]", "".join(sql.replace('"', "").split()))
    }


def test_migrations_lead_to_the_same_schema(tmp_path: Path, database: Path) -> None:
    """A database that was migrated from nothing is the one that a new service makes."""
    migrated = tmp_path / "migrated.db"

    schema._migrate(f"sqlite:///{migrated}")

    assert state_of(migrated) is SchemaState.CURRENT
    assert objects(migrated) == objects(database)


def test_an_older_database_is_refused_with_advice(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its version is one that this program knows, but not its own; nothing happens to it unasked."""
    monkeypatch.setattr(schema_state, "HEAD", "later")
    before = objects(database)

    with pytest.raises(StoreError, match="idsync db upgrade"):
        require_current(database)

    assert state_of(database) is SchemaState.OLDER
    assert objects(database) == before


def test_upgrade_leaves_a_current_database_as_it_is(database: Path) -> None:
    """It may be run at any time."""
    before = objects(database)

    upgrade(database)

    assert state_of(database) is SchemaState.CURRENT
    assert objects(database) == before


async def test_a_database_of_the_first_schema_is_upgraded_with_its_content(database: Path) -> None:
    """Nothing of it is lost; must-not-links can be made, and calls are recorded from then on."""
    url = f"sqlite:///{database}"
    store = await open_store(url, clock=ManualClock())
    mpid = await Scribe(store).create(DEVICE, MAIL)
    before = await graph_image(store, GRAPH)
    await store.close()
    with sqlite3.connect(database) as connection:
        connection.executescript(TO_SQLITE)
    connection.close()
    assert state_of(database) is SchemaState.OLDER

    await asyncio.to_thread(upgrade, database)
    store = await open_store(url, clock=ManualClock())
    after = await graph_image(store, GRAPH)
    await Scribe(store).write(0, Change(ChangeKind.FORBIDDEN, 0, MAIL))
    await Scribe(store).write(0, Change(ChangeKind.QUARANTINED, 0, MAIL))
    view = await Scribe(store).look(MAIL)
    call = RecordedCall(GRAPH, 1, 0, "identify", mpid, None, "a/rule", (DEVICE,))
    refused = await store.calls.record_calls([(call, 1)], 1)
    await store.close()

    assert refused == []
    assert after == before
    assert list(after.profiles) == [mpid]
    assert len(view.must_nots(MAIL)) == 1
    assert view.flags(MAIL) == {Flag.QUARANTINE: 3}


def statements() -> Iterator[tuple[str, str]]:
    """Every prepared statement of the hot path that looks something up."""
    yield "profile", loader._PROFILE.format("?, ?")
    yield "recency", loader._RECENCY.format("?, ?")
    yield "identity by value", loader._BY_VALUE.format("(?, ?), (?, ?)")
    yield "identity by id", loader._BY_ID.format("?, ?")
    yield "identity", loader._EXISTS
    yield "digests", membership_reader._DIGESTS
    yield "end of a page of digests", membership_reader._BOUND
    yield "links", loader._LINKS
    yield "aliases by source", loader._ALIASES.format("source")
    yield "aliases by destination", loader._ALIASES.format("destination")
    yield "entry by key", loader._BY_KEY


@pytest.mark.parametrize("statement", [pytest.param(text, id=name) for name, text in statements()])
def test_no_statement_of_the_hot_path_walks_a_table(database: Path, statement: str) -> None:
    """Each is led by the graph and by what it looks for; the graph alone would be the whole table."""
    with sqlite3.connect(database) as connection:
        plan = [
            row[3]
            for row in connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", [1] * statement.count("?")
            ).fetchall()
        ]
    connection.close()

    searches = [step for step in plan if step.startswith("SEARCH")]
    assert searches
    assert all(step.count("=?") > 1 for step in searches), plan
    assert not [
        step for step in plan if step.startswith("SCAN") and "CONSTANT" not in step and step != "SCAN k"
    ]
