"""The embedded event store holds what its protocol promises."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.model.errors import StoreError, UnavailableError
from idsync.model.events import Batch, Channel, Event, Position, RefusedBatch, Stored
from idsync.model.identity import Environment
from idsync.pipeline.store.embedded import _EVENTS, _HOLDS, KEPT_REFUSED, EmbeddedEventStore
from idsync.pipeline.store.protocol import AttributedBatch
from idsync.pipeline.store.schema import events_path


def attributed(
    *events: Event, request_id: str = "", mpid: int = 7, workspace: str = "shop", key: str = "k"
) -> AttributedBatch:
    batch = Batch(Channel.WEB, Environment.PRODUCTION, request_id, mpid, {}, events, b'{"a":1}')
    return AttributedBatch(workspace, key, mpid, 5_000, batch)


def event(name: str, timestamp_ms: int | None = None, message_id: str = "") -> Event:
    return Event("custom_event", name, timestamp_ms, message_id)


def refused(workspace: str, cause: str = "unknown_mpid") -> RefusedBatch:
    return RefusedBatch(workspace, "k", Channel.WEB, cause, 5_000, b"{}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[EmbeddedEventStore]:
    store = EmbeddedEventStore.open(path)
    yield store
    await store.close()


async def names(store: EmbeddedEventStore, mpid: int = 7, workspace: str | None = "shop") -> list[str]:
    return [each.name for each in await store.events_of(mpid, workspace, None, 1_000)]


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


async def test_newest_first_from_a_place_on(store: EmbeddedEventStore) -> None:
    """Equal moments come in reverse order of arrival; an event without a time has that of its arrival."""
    await store.append([attributed(event("a", 10), event("b", 30), event("c", 10), event("d"))])

    listed = await store.events_of(7, "shop", None, 2)
    rest = await store.events_of(7, "shop", listed[-1].position, 10)

    assert [(each.name, each.position.timestamp_ms) for each in listed] == [("d", 5_000), ("b", 30)]
    assert [each.name for each in rest] == ["c", "a"]
    assert await store.events_of(7, "shop", Position(10, 0), 10) == []


async def test_the_ids_of_one_input_are_its_own(store: EmbeddedEventStore) -> None:
    """Two inputs, or two workspaces, know nothing of each other's ids."""
    batches = [
        attributed(event("a", message_id="m"), request_id="r"),
        attributed(event("b", message_id="m"), request_id="r", key="other"),
        attributed(event("c", message_id="m"), request_id="r", workspace="outlet"),
        attributed(event("d", message_id="n"), request_id="r"),
        attributed(event("e", message_id="m"), request_id="s"),
    ]

    outcomes = await store.append(batches)

    assert outcomes == [Stored.ACCEPTED, Stored.ACCEPTED, Stored.ACCEPTED, Stored.DUPLICATE, Stored.ACCEPTED]
    assert sorted(await names(store, workspace=None)) == ["a", "b", "c"]
    assert sorted(await names(store)) == ["a", "b"]
    assert await store.holds("shop", "k", "s")
    assert not await store.holds("outlet", "k", "s")


async def test_many_at_once_are_each_kept_once(store: EmbeddedEventStore) -> None:
    """Each id is sent three times over by tasks that know nothing of each other."""
    sent = [attributed(event(f"e{n}"), request_id=f"r{n}") for n in range(200) for _ in range(3)]

    outcomes = await asyncio.gather(*(store.append([each]) for each in sent))

    assert sum(outcome == [Stored.ACCEPTED] for outcome in outcomes) == 200
    assert sorted(await names(store)) == sorted(f"e{n}" for n in range(200))


async def test_several_processes_share_the_file(store: EmbeddedEventStore, path: Path) -> None:
    """As the fronts of a service do; what one keeps, the other has seen."""
    other = EmbeddedEventStore.open(path)
    sent = [attributed(event(f"e{n}"), request_id=f"r{n}") for n in range(50)]

    mine, theirs = await asyncio.gather(
        asyncio.gather(*(store.append([each]) for each in sent)),
        asyncio.gather(*(other.append([each]) for each in sent)),
    )
    listed = await names(other)
    await other.close()

    assert sum(outcome == [Stored.ACCEPTED] for outcome in [*mine, *theirs]) == 50
    assert len(listed) == 50


async def test_all_of_one_call_or_nothing(store: EmbeddedEventStore, path: Path) -> None:
    """A batch that the file cannot hold takes the others of its call along, and nobody after it."""
    unsound = attributed(Event("custom_event", "x", 2**63))

    with pytest.raises(OverflowError):
        await store.append([attributed(event("a")), unsound])
    await store.append([attributed(event("b"))])

    assert await names(store) == ["b"]


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


async def test_of_refused_batches_the_newest_are_kept(store: EmbeddedEventStore) -> None:
    """So many of each workspace, however busy another is."""
    await store.refuse(refused("outlet"))
    await asyncio.gather(*(store.refuse(refused("shop", f"c{n}")) for n in range(KEPT_REFUSED + 5)))

    kept = await store.refused("shop", 2 * KEPT_REFUSED)
    assert [each.cause for each in kept] == [f"c{n}" for n in reversed(range(5, KEPT_REFUSED + 5))]
    assert [each.workspace for each in await store.refused("outlet", 10)] == ["outlet"]
    assert len(await store.refused(None, 2 * KEPT_REFUSED)) == KEPT_REFUSED + 1


async def test_what_was_kept_is_there_after_a_restart(path: Path) -> None:
    first = EmbeddedEventStore.open(path)
    await first.append([attributed(event("a"), request_id="r")])
    await first.close()
    second = EmbeddedEventStore.open(path)

    again = await second.append([attributed(event("a"), request_id="r")])
    listed = await names(second)
    await second.close()

    assert (again, listed) == ([Stored.DUPLICATE], ["a"])


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
    other.execute("PRAGMA user_version=2")
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
