"""Every store's queue holds what its protocol promises."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from idsync.model.events import Stored
from idsync.pipeline.store import postgres_queue
from idsync.pipeline.store.embedded import EmbeddedEventStore
from idsync.pipeline.store.embedded_queue import _DUE, _FRESH, _HELD
from idsync.pipeline.store.postgres import PostgresEventStore
from idsync.pipeline.store.protocol import EventStore
from idsync.pipeline.store.work import Death, Figures, Hold, OvertakenError, QueuedBatch, Settlement
from idsync.store.postgres.address import read_address
from tests.unit.pipeline.batches import attributed, event, names
from tests.unit.pipeline.conftest import Open


async def mpids(store: EventStore, now_ms: int = 0) -> list[int]:
    return [batch.mpid for batch in await store.queue.next(100, now_ms)]


async def queued(store: EventStore, *whose: int) -> list[QueuedBatch]:
    await store.append([attributed(event("a"), mpid=mpid) for mpid in whose])
    assert await store.queue.lead()
    return await store.queue.next(100, 0)


async def test_what_is_kept_is_queued_in_order(store: EventStore) -> None:
    """PL-006; a duplicate is not, and what is looked at stays until it is settled."""
    await store.append([attributed(event("a"), request_id="r", mpid=1), attributed(event("b"), mpid=2)])
    again = await store.append([attributed(event("a"), request_id="r", mpid=1)])
    await store.append([attributed(mpid=3)])

    first = await store.queue.next(2, 0)

    assert again == [Stored.DUPLICATE]
    assert [batch.mpid for batch in first] == [1, 2]
    assert await mpids(store) == [1, 2, 3]
    assert (first[0].workspace, first[0].input_key, first[0].body) == ("shop", "k", b'{"a":1}')
    assert first[0].received_ms == 5_000
    assert await store.backlog() >= 3


async def test_effects_and_position_go_together(store: EventStore) -> None:
    """Whoever settles a batch a second time writes nothing, whatever he brings along."""
    first, second = await queued(store, 1, 2)

    await store.queue.settle(Settlement(done=[first], documents={(1, "shop"): b"one"}))
    with pytest.raises(OvertakenError):
        await store.queue.settle(
            Settlement(done=[second, first], documents={(1, "shop"): b"twice", (2, "shop"): b"two"})
        )

    assert await mpids(store) == [2]
    assert await store.documents_of(1) == {"shop": b"one"}
    assert await store.documents_of(2) == {}


async def test_documents_are_written_over_and_read_by_their_keys(store: EventStore) -> None:
    """PR-002: the parts of workspaces are apart."""
    (batch, other, last) = await queued(store, 1, 1, 1)
    await store.queue.settle(Settlement(done=[batch], documents={(1, "shop"): b"a", (1, "outlet"): b"b"}))
    await store.queue.settle(Settlement(done=[other], documents={(1, "shop"): b"c", (2, "shop"): b"d"}))

    found = await store.queue.documents([(1, "shop"), (2, "shop"), (2, "outlet"), (3, "shop")])

    assert found == {(1, "shop"): b"c", (2, "shop"): b"d"}
    assert await store.documents_of(1) == {"shop": b"c", "outlet": b"b"}
    await store.queue.settle(Settlement(done=[last]))
    assert await store.backlog() == 0


async def test_who_is_on_hold_waits_in_order_and_nobody_else(store: EventStore) -> None:
    """PI-008: a profile keeps its place; those that arrive meanwhile line up behind."""
    first, second, other = await queued(store, 1, 1, 2)
    hold = Hold(1, due_ms=1_000, attempts=1, cause="identity_unavailable")
    await store.queue.settle(Settlement(done=[other], waiting=[first, second], holds=[hold]))
    await store.append([attributed(event("late"), mpid=1), attributed(mpid=3)])

    (late, third) = await store.queue.next(100, 999)
    assert (late.is_blocked, third.is_blocked) == (True, False)
    await store.queue.settle(Settlement(done=[third], waiting=[late]))
    assert await mpids(store, 999) == []
    assert await store.queue.figures() == Figures(queued=0, held=3, dead=0)
    due = await store.queue.next(100, 1_000)

    assert [batch.batch_id for batch in due] == [first.batch_id, second.batch_id, late.batch_id]
    assert [(batch.is_held, batch.attempts) for batch in due] == [(True, 1)] * 3


async def test_a_hold_ends_with_the_last_who_waits(store: EventStore) -> None:
    """What still waits there is due at once, and comes before those that arrive."""
    first, second = await queued(store, 1, 1)
    hold = Hold(1, due_ms=1_000, attempts=3, cause="c")
    await store.queue.settle(Settlement(waiting=[first, second], holds=[hold]))
    due = await store.queue.next(100, 1_000)

    await store.queue.settle(Settlement(done=[due[0]], freed=[1]))
    (rest,) = await store.queue.next(100, 0)
    assert (rest.batch_id, rest.attempts, rest.is_held) == (second.batch_id, 0, True)
    await store.queue.settle(Settlement(done=[rest], freed=[1]))
    await store.append([attributed(mpid=1)])

    (fresh,) = await store.queue.next(100, 0)
    assert not fresh.is_blocked


async def test_a_batch_moves_to_whom_it_belongs_with_its_events(store: EventStore) -> None:
    """PI-016: the list of events says what the profiles say."""
    first, second = await queued(store, 1, 1)

    await store.queue.settle(Settlement(done=[first, second], moved=[(first, 9)]))

    assert (await names(store, 9), await names(store, 1)) == (["a"], ["a"])


async def test_dead_letters_are_listed_corrected_and_sent_again(store: EventStore) -> None:
    """What came is kept as it came; a letter that is no longer there says so."""
    first, second = await queued(store, 1, 2)
    await store.queue.settle(Settlement(dead=[Death(first, "unknown_mpid", 77), Death(second, "fault", 78)]))

    letters = await store.dead_letters.list("shop", 10)
    assert [(each.mpid, each.cause, each.attempts, each.died_ms) for each in letters] == [
        (2, "fault", 1, 78),
        (1, "unknown_mpid", 1, 77),
    ]
    assert await store.dead_letters.list("outlet", 10) == []
    assert [each.mpid for each in await store.dead_letters.list(None, 10, before=second.batch_id)] == [1]
    assert await store.dead_letters.correct(first.batch_id, b'{"b":2}')
    assert await store.dead_letters.correct(first.batch_id, b'{"b":3}')
    corrected = (await store.dead_letters.list(None, 1, before=second.batch_id))[0]
    assert (corrected.body, corrected.is_corrected) == (b'{"b":3}', True)
    assert await store.dead_letters.send_again(first.batch_id)
    assert not await store.dead_letters.send_again(first.batch_id)
    assert not await store.dead_letters.correct(first.batch_id, b"{}")

    (again,) = await store.queue.next(10, 0)
    assert (again.batch_id, again.body) == (first.batch_id, b'{"b":3}')
    assert await store.queue.figures() == Figures(queued=1, held=0, dead=1)


async def test_what_waits_is_there_after_a_restart(open_store: Open) -> None:
    first = await open_store()
    batches = await queued(first, 1, 2)
    hold = Hold(2, due_ms=10, attempts=1, cause="c")
    await first.queue.settle(Settlement(waiting=[batches[1]], holds=[hold]))
    await first.close()
    second = await open_store()

    assert await mpids(second, 9) == [1]
    assert await mpids(second, 10) == [2, 1]
    await second.close()


async def test_a_held_batch_is_settled_once(store: EventStore) -> None:
    (batch,) = await queued(store, 1)
    await store.queue.settle(Settlement(waiting=[batch], holds=[Hold(1, 0, 1, "c")]))
    (held,) = await store.queue.next(10, 0)
    await store.queue.settle(Settlement(done=[held], freed=[1]))

    for again in (held, replace(held, is_held=False)):
        with pytest.raises(OvertakenError):
            await store.queue.settle(Settlement(done=[again], documents={(1, "shop"): b"twice"}))

    assert await store.documents_of(1) == {}


async def test_a_file_of_the_first_version_gets_a_queue(tmp_path: Path) -> None:
    """What was accepted before is processed, too, and what comes then."""
    path = tmp_path / "events.db"
    store = EmbeddedEventStore.open(path)
    await store.append([attributed(event("old"), mpid=1)])
    await store.close()
    other = sqlite3.connect(path)
    for statement in (
        "DROP TRIGGER batch_queued",
        *(f"DROP TABLE {name}" for name in ("queue", "hold", "held", "dead_letter", "correction", "profile")),
        "PRAGMA user_version=1",
    ):
        other.execute(statement)
    other.commit()
    other.close()

    store = EmbeddedEventStore.open(path)
    await store.append([attributed(event("new"), mpid=2)])

    assert await mpids(store) == [1, 2]
    await store.close()


@pytest.mark.postgres
async def test_a_database_of_the_first_version_gets_a_queue(database: str) -> None:
    """Once, however many nodes begin at the same moment or later."""
    store = await PostgresEventStore.open(read_address(database).connect)
    await store.append([attributed(event("old"), mpid=1)])
    await store.close()
    connection = await read_address(database).connect()
    await connection.execute(
        "DROP TRIGGER batch_queued ON idsync_events.batch;"
        "DROP TABLE idsync_events.queue, idsync_events.hold, idsync_events.held, idsync_events.dead_letter,"
        " idsync_events.correction, idsync_events.profile, idsync_events.lead;"
        "DELETE FROM idsync_events.version WHERE version = 2"
    )
    await connection.close()

    store = await PostgresEventStore.open(read_address(database).connect)
    await store.append([attributed(event("new"), mpid=2)])
    batches = await store.queue.next(10, 0)
    await store.queue.lead()
    await store.queue.settle(Settlement(done=batches))
    later = await PostgresEventStore.open(read_address(database).connect)

    assert [batch.mpid for batch in batches] == [1, 2]
    assert await mpids(later) == []
    await store.close()
    await later.close()


@pytest.mark.postgres
async def test_one_node_works_on_the_queue(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-006: another takes over when it is gone, and from then on it writes nothing."""
    one = await PostgresEventStore.open(read_address(database).connect)
    other = await PostgresEventStore.open(read_address(database).connect)
    batches = await queued(one, 1, 2)
    assert not await other.queue.lead()
    with pytest.raises(OvertakenError):
        await other.queue.settle(Settlement(done=batches))
    monkeypatch.setattr(postgres_queue, "_LEAD_S", -1.0)
    assert await one.queue.lead()
    monkeypatch.undo()

    assert await other.queue.lead()
    with pytest.raises(OvertakenError):
        await one.queue.settle(Settlement(done=batches))
    await other.queue.settle(Settlement(done=batches))
    assert await mpids(one) == []
    await one.close()
    await other.close()


async def test_the_next_is_found_however_much_waits(tmp_path: Path) -> None:
    """No step of it looks at more than it gives."""
    path = tmp_path / "events.db"
    await EmbeddedEventStore.open(path).close()
    other = sqlite3.connect(path)
    plans = [
        " ".join(row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {statement}", values))
        for statement, values in ((_DUE, (1, 1)), (_HELD, (1, 1)), (_FRESH, (1,)))
    ]
    other.close()

    assert "INDEX hold_due (due_ms<?)" in plans[0]
    assert not any("TEMP B-TREE" in plan for plan in plans)
    assert plans[2].startswith("SCAN q SEARCH b USING INTEGER PRIMARY KEY")
