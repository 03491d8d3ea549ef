"""Every store of events holds what the protocol promises."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from idsync.model.errors import UnavailableError
from idsync.model.events import Event, Position, Stored
from idsync.pipeline.store.postgres import _EVENTS, PostgresEventStore
from idsync.pipeline.store.protocol import KEPT_REFUSED, EventStore
from idsync.store.postgres.address import read_address
from tests.unit.pipeline.batches import attributed, event, names, refused
from tests.unit.pipeline.conftest import Open


async def test_newest_first_from_a_place_on(store: EventStore) -> None:
    """Equal moments come in reverse order of arrival; an event without a time has that of its arrival."""
    await store.append([attributed(event("a", 10), event("b", 30), event("c", 10), event("d"))])

    listed = await store.events_of(7, "shop", None, 2)
    rest = await store.events_of(7, "shop", listed[-1].position, 10)

    assert [(each.name, each.position.timestamp_ms) for each in listed] == [("d", 5_000), ("b", 30)]
    assert [each.name for each in rest] == ["c", "a"]
    assert await store.events_of(7, "shop", Position(10, 0), 10) == []


async def test_the_ids_of_one_input_are_its_own(store: EventStore) -> None:
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


async def test_many_at_once_are_each_kept_once(store: EventStore) -> None:
    """Each id is sent three times over by tasks that know nothing of each other."""
    sent = [attributed(event(f"e{n}"), request_id=f"r{n}") for n in range(60) for _ in range(3)]

    outcomes = await asyncio.gather(*(store.append([each]) for each in sent))

    assert sum(outcome == [Stored.ACCEPTED] for outcome in outcomes) == 60
    assert sorted(await names(store)) == sorted(f"e{n}" for n in range(60))


async def test_several_processes_share_the_file(store: EventStore, open_store: Open) -> None:
    """As the fronts of a service do; what one keeps, the other has seen."""
    other = await open_store()
    sent = [attributed(event(f"e{n}"), request_id=f"r{n}") for n in range(50)]

    mine, theirs = await asyncio.gather(
        asyncio.gather(*(store.append([each]) for each in sent)),
        asyncio.gather(*(other.append([each]) for each in sent)),
    )
    listed = await names(other)
    await other.close()

    assert sum(outcome == [Stored.ACCEPTED] for outcome in [*mine, *theirs]) == 50
    assert len(listed) == 50


async def test_all_of_one_call_or_nothing(store: EventStore, open_store: Open) -> None:
    """A batch that the file cannot hold takes the others of its call along, and nobody after it."""
    unsound = attributed(Event("custom_event", "x", 2**63))

    with pytest.raises((OverflowError, UnavailableError)):
        await store.append([attributed(event("a")), unsound])
    await store.append([attributed(event("b"))])

    assert await names(store) == ["b"]


async def test_of_refused_batches_the_newest_are_kept(store: EventStore) -> None:
    """So many of each workspace, however busy another is."""
    await store.append([], [refused("outlet")])
    for number in range(5):
        await store.append([], [refused("shop", f"old{number}")])
    await asyncio.gather(*(store.append([], [refused("shop", f"c{n}")]) for n in range(KEPT_REFUSED)))
    await store.append([], [refused("shop", "last")])

    kept = [each.cause for each in await store.refused("shop", 2 * KEPT_REFUSED)]
    assert (kept[0], len(kept)) == ("last", KEPT_REFUSED)
    assert not any(cause.startswith("old") for cause in kept)
    assert [each.workspace for each in await store.refused("outlet", 10)] == ["outlet"]
    assert len(await store.refused(None, 2 * KEPT_REFUSED)) == KEPT_REFUSED + 1


async def test_what_was_kept_is_there_after_a_restart(open_store: Open) -> None:
    first = await open_store()
    await first.append([attributed(event("a"), request_id="r")])
    await first.close()
    second = await open_store()

    again = await second.append([attributed(event("a"), request_id="r")])
    listed = await names(second)
    await second.close()

    assert (again, listed) == ([Stored.DUPLICATE], ["a"])


async def test_any_text_is_kept(store: EventStore) -> None:
    """What a store cannot hold it replaces: to refuse it would bring it back for ever."""
    sent = attributed(event("a\0b", message_id="m\0"), request_id="r\0")

    outcomes = [await store.append([sent]) for _ in range(2)]

    assert outcomes == [[Stored.ACCEPTED], [Stored.DUPLICATE]]
    assert await store.holds("shop", "k", "r\0")
    assert [name.replace("\0", "\N{REPLACEMENT CHARACTER}") for name in await names(store)] == [
        "a\N{REPLACEMENT CHARACTER}b"
    ]


async def test_long_texts_are_kept(store: EventStore) -> None:
    """The longest that the gateway lets through, of characters that no index can make shorter."""
    letters = random.Random(5)
    text = "".join(chr(letters.randrange(0x4E00, 0x9FFF)) for _ in range(256))
    longest = Event(text, text, 1, text[:85])

    outcomes = await store.append([attributed(longest, request_id=text[:85], key=text[:60])])

    assert outcomes == [Stored.ACCEPTED]
    assert await names(store) == [text]


async def test_what_was_refused_goes_with_the_rest(store: EventStore) -> None:
    """All of one call or nothing."""
    unsound = attributed(Event("custom_event", "x", 2**63))

    with pytest.raises((OverflowError, UnavailableError)):
        await store.append([unsound], [refused("shop", "gone")])
    outcomes = await store.append([attributed(event("a"))], [refused("shop", "kept")])

    assert outcomes == [Stored.ACCEPTED]
    assert [each.cause for each in await store.refused("shop", 10)] == ["kept"]


async def test_many_open_an_empty_database_at_once(open_store: Open) -> None:
    """Whichever comes first makes the tables."""
    stores = await asyncio.gather(*(open_store() for _ in range(6)))

    outcomes = [await each.append([attributed(event("a"), request_id="r")]) for each in stores]
    await asyncio.gather(*(each.close() for each in stores))

    assert outcomes == [[Stored.ACCEPTED], *[[Stored.DUPLICATE]] * 5]


@pytest.mark.postgres
async def test_a_server_that_cuts_connections_is_found_again(database: str) -> None:
    """What could not be asked is refused with a delay, and the next call has a connection that works."""
    store = await PostgresEventStore.open(read_address(database).connect)
    await store.append([attributed(event("a"), request_id="r")])
    operator = await read_address(database).connect()
    await operator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    outcomes = None
    for _ in range(20):
        with suppress(UnavailableError):
            outcomes = await store.append([attributed(event("b"), request_id="s")])
            break
    await operator.close()
    listed = await names(store)
    await store.close()

    assert outcomes in ([Stored.ACCEPTED], [Stored.DUPLICATE])
    assert listed == ["b", "a"]


@pytest.mark.postgres
async def test_a_page_on_postgresql_uses_its_index(database: str) -> None:
    """However many events there are, a page costs what it shows."""
    store = await PostgresEventStore.open(read_address(database).connect)
    await store.append([attributed(*(event(f"e{n}", n) for n in range(2_000)), mpid=m) for m in range(1, 20)])
    await store.close()
    connection = await read_address(database).connect()
    await connection.execute("ANALYZE idsync_events.event")
    plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {_EVENTS}", 7, 2**62, 0, "shop", 100))
    await connection.close()

    assert "Index Scan" in plan
    assert "event_profile" in plan
    assert "Sort" not in plan
