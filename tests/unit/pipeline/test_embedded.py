"""The embedded event store holds what its protocol promises."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.model.errors import StoreError, UnavailableError
from idsync.model.identity import Environment
from idsync.pipeline.store.embedded import _EVENTS, _HOLDS, EmbeddedEventStore
from idsync.pipeline.store.schema import events_path
from tests.unit.pipeline.batches import attributed, event, names


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[EmbeddedEventStore]:
    store = EmbeddedEventStore.open(path)
    yield store
    await store.close()


async def test_what_is_kept_is_on_disk(store: EmbeddedEventStore, path: Path) -> None:
    """Another connection sees it as soon as the answer is there, and what came word for word."""
    await store.append([attributed(event("a"), request_id="r")])

    other = sqlite3.connect(path)
    rows = other.execute(
        "SELECT request_id, mpid, channel, environment, received_ms, body FROM batch"
    ).fetchall()
    (mode,) = other.execute("PRAGMA journal_mode").fetchone()
    other.close()
    assert rows == [("r", 7, "javascript", Environment.PRODUCTION.value, 5_000, b'{"a":1}')]
    assert mode == "wal"


_OPEN = """
import sys
from pathlib import Path
from idsync.pipeline.store.schema import connect

print("ready", flush=True)
for name in sys.stdin:
    connect(Path(name.strip())).close()
    print("opened", flush=True)
"""


def test_several_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """As the fronts of one service do."""
    command = [sys.executable, "-c", _OPEN]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [process.stdout.readline() for process in processes if process.stdout]
    for round_ in range(50):
        for process in processes:
            assert process.stdin
            process.stdin.write(f"{tmp_path / str(round_)}.db\n")
            process.stdin.flush()
        said += [process.stdout.readline() for process in processes if process.stdout]
    for process in processes:
        process.communicate(timeout=60)

    assert said == ["ready\n"] * 4 + ["opened\n"] * 200


async def test_a_file_that_cannot_be_written_refuses_and_recovers(
    store: EmbeddedEventStore, path: Path
) -> None:
    """What stands in the way is named by no value, and gone when it is gone."""
    await store.append([attributed(event("a"))])
    blocker = sqlite3.connect(path)
    blocker.execute("DROP TABLE event")
    blocker.commit()

    with pytest.raises(UnavailableError, match="cannot be kept now"):
        await store.append([attributed(event("b"), request_id="r")])
    with pytest.raises(UnavailableError, match="cannot be read now"):
        await names(store)

    assert blocker.execute("SELECT count(*) FROM batch").fetchone() == (1,)
    blocker.close()


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE t (a)", "PRAGMA application_id=5", "PRAGMA user_version=1"]
)
def test_a_foreign_file_is_refused(path: Path, statement: str) -> None:
    """Nothing is written to what belongs to others."""
    other = sqlite3.connect(path)
    other.execute(statement)
    other.commit()
    other.close()

    with pytest.raises(StoreError, match="another program"):
        EmbeddedEventStore.open(path)


async def test_a_file_of_a_later_version_is_refused(store: EmbeddedEventStore, path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version=3")
    other.close()

    with pytest.raises(StoreError, match="another version"):
        EmbeddedEventStore.open(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"this is no database at all" * 100)

    with pytest.raises(StoreError, match="cannot be used"):
        EmbeddedEventStore.open(path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be opened"):
        EmbeddedEventStore.open(tmp_path / "file" / "events.db")


@pytest.mark.parametrize(
    ("graph", "events"), [("idsync.db", "events.db"), ("b.db", "b-events.db"), ("c", "c-events.db")]
)
def test_each_graph_has_a_file_of_its_own(graph: str, events: str) -> None:
    """Two graphs of one folder must not take each other's ids for repetitions."""
    assert events_path(Path("data") / graph) == Path("data") / events


async def test_the_lists_use_their_indexes(path: Path, store: EmbeddedEventStore) -> None:
    """However many events there are, a page costs what it shows."""
    other = sqlite3.connect(path)
    plans = [
        [row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
        for statement, values in ((_EVENTS, (7, 1, 1, "shop", 10)), (_HOLDS, ("shop", "k", "r")))
    ]
    other.close()

    assert len(plans[0]) == 1
    assert "USING INDEX event_profile (mpid=? AND timestamp_ms<?)" in plans[0][0]
    assert "INDEX batch_request" in plans[1][0]
