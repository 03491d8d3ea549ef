"""That there is no such identity is said only where it is true, whatever came in between."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from idsync.model.errors import UnavailableError
from idsync.model.identity import Identity, IdentityType
from idsync.store.embedded import membership_reader
from idsync.store.embedded.loader import Loader, digest
from idsync.store.embedded.membership import Membership
from idsync.store.embedded.membership_reader import MembershipReader
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.prefetch import prefetch
from idsync.store.embedded.store import EmbeddedStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE, numbered

Opened = Callable[[], AbstractAsyncContextManager[Scribe]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Give what opens the store with no room for nodes, its membership complete."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Scribe]:
        store = await open_store(
            f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock(), cache_identities=0
        )
        try:
            await store.membership_is_read()
            yield Scribe(store)
        finally:
            await store.close()

    return open_


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[list[Identity]]:
    """Give a list that the identities of every look into the tables are noted in."""
    asked: list[list[Identity]] = []
    look = Loader.identities

    def noted(loader: Loader, graph_id: int, keys: dict[Identity, bytes]) -> object:
        asked.append(list(keys))
        return look(loader, graph_id, keys)

    monkeypatch.setattr(Loader, "identities", noted)
    return asked


def _of(scribe: Scribe) -> EmbeddedStore:
    assert isinstance(scribe.store, EmbeddedStore)
    return scribe.store


async def _forget(scribe: Scribe) -> None:
    """Look elsewhere until no node of what the tables contain is left."""
    for _ in range(4):
        await scribe.holders(NICKNAME)
    assert not any(graph.by_id for graph in _of(scribe)._overlay._graphs.values())


async def test_nobody_asks_for_what_is_not_there(opened: Opened, queries: list[list[Identity]]) -> None:
    """Before a restart and after it, in a graph that is new and in one that is written."""
    async with opened() as scribe:
        assert await scribe.holders(DEVICE) == []
        mpid = await scribe.create(DEVICE, CUSTOMER)
        assert await scribe.holders(MAIL) == []
    async with opened() as scribe:
        assert await scribe.holders(MAIL) == []
        await scribe.create(MAIL)
        assert queries == []
        assert await scribe.holders(DEVICE) == [mpid]
    assert queries == [[DEVICE]]


async def test_a_digest_that_begins_alike_is_no_identity(
    opened: Opened, queries: list[list[Identity]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value decides (ID-023): a membership that says yes to everything changes no answer."""
    monkeypatch.setattr(Membership, "rules_out", lambda *_: False)
    async with opened() as scribe:
        mpid = await scribe.create(DEVICE)
    async with opened() as scribe:
        assert await scribe.holders(OTHER_DEVICE) == []
        assert await scribe.holders(DEVICE) == [mpid]
        second = await scribe.create(OTHER_DEVICE)
        assert await scribe.holders(OTHER_DEVICE) == [second]
    assert [OTHER_DEVICE] in queries


async def test_one_value_under_two_types_is_two_members(opened: Opened) -> None:
    name, mail = Identity(IdentityType.OTHER, "same"), Identity(IdentityType.EMAIL, "same")
    async with opened() as scribe:
        await scribe.create(name)
    async with opened() as scribe:
        graph = next(iter(_of(scribe)._overlay._graphs.values()))
        assert list(graph.missing([name])) == [name]
        assert list(graph.missing([mail])) == []


async def test_an_erased_value_may_return(opened: Opened) -> None:
    """ID-212: at once, after the tables have forgotten it, and after a restart."""
    async with opened() as scribe:
        await scribe.erase(await scribe.create(MAIL))
        assert await scribe.holders(MAIL) == []
        second = await scribe.create(MAIL)
        await scribe.store.settle()
        await scribe.erase(second)
        await scribe.store.settle()
        assert await scribe.holders(MAIL) == []
    async with opened() as scribe:
        assert await scribe.holders(MAIL) == []
        third = await scribe.create(MAIL)
        await scribe.store.settle()
        await _forget(scribe)
        assert await scribe.holders(MAIL) == [third]
    async with opened() as scribe:
        assert await scribe.holders(MAIL) == [third]


async def test_what_a_void_group_introduced_is_new_again(opened: Opened) -> None:
    """ID-041: what never reached the disk is not there, and can come."""
    async with opened() as scribe:
        await scribe.create(DEVICE)
        log = _of(scribe)._log._connection
        log.execute("PRAGMA query_only = ON")
        with pytest.raises(UnavailableError):
            await scribe.create(MAIL)
        log.execute("PRAGMA query_only = OFF")
        assert await scribe.holders(MAIL) == []
        mpid = await scribe.create(MAIL)
        await scribe.store.settle()
        await _forget(scribe)
        assert await scribe.holders(MAIL) == [mpid]
    async with opened() as scribe:
        assert await scribe.holders(MAIL) == [mpid]


async def test_what_is_introduced_while_the_tables_are_read_is_found(tmp_path: Path) -> None:
    """The reader sees the tables before or after it: either way it must be known."""
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    store = await open_store(url, clock=ManualClock(), cache_identities=0)
    old = await Scribe(store).create(DEVICE)
    await store.close()

    store = await open_store(url, clock=ManualClock(), cache_identities=0)
    scribe = Scribe(store)
    # not a moment is given to the loop before this, so the reader has not been heard
    [membership] = store._overlay._memberships.values()
    new = await scribe.create(MAIL)
    await store.membership_is_read()
    await store.settle()
    found = [await scribe.holders(identity) for identity in (DEVICE, MAIL, NICKNAME)]
    await store.close()

    assert membership.is_complete
    assert found == [[old], [new], []]


@pytest.mark.parametrize("page", [1, 3, 1_000])
async def test_every_identity_is_read_on_pages_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(membership_reader, "_PAGE", page)
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    people = [numbered(IdentityType.OTHER, n) for n in range(60)]
    await Scribe(store).create(*people, DEVICE)
    await Scribe(store).create(MAIL, NICKNAME)
    await store.close()

    membership = Membership(is_complete=False)
    reader = MembershipReader(tmp_path / "graph.db", {1: membership})
    await reader.done
    await reader.close()

    everybody = [*people, DEVICE, MAIL, NICKNAME]
    assert membership.is_complete
    assert len(membership) == len(everybody)
    assert not any(membership.rules_out(i.type, digest(i.value.encode())) for i in everybody)


async def test_what_cannot_be_read_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the digests every miss is a look into the tables, and everything else as before."""
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    store = await open_store(url, clock=ManualClock(), cache_identities=0)
    mpid = await Scribe(store).create(DEVICE)
    await store.close()
    monkeypatch.setattr(membership_reader, "_NEXT_TYPE", "SELECT nonsense FROM nowhere")

    with capture_logs() as logs:
        store = await open_store(url, clock=ManualClock(), cache_identities=0)
        await store.membership_is_read()
        found = [await Scribe(store).holders(identity) for identity in (DEVICE, MAIL)]
        await store.close()

    assert found == [[mpid], []]
    assert [(log["event"], log["reason"]) for log in logs] == [("membership_unknown", "OperationalError")]


async def test_a_database_that_does_not_fit_the_memory_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digests would have to be read from the disk one page at a time."""
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    store = await open_store(url, clock=ManualClock(), cache_identities=0)
    mpid = await Scribe(store).create(DEVICE)
    await store.close()
    monkeypatch.setattr(membership_reader, "available_bytes", lambda: 4_096)

    with capture_logs() as logs:
        store = await open_store(url, clock=ManualClock(), cache_identities=0)
        await store.membership_is_read()
        [membership] = store._overlay._memberships.values()
        found = [await Scribe(store).holders(identity) for identity in (DEVICE, MAIL)]
        await store.close()

    assert not membership.is_complete
    assert found == [[mpid], []]
    assert [log["event"] for log in logs] == ["membership_unknown"]


async def test_a_large_database_is_fetched_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a process of its own; the digests are all there afterwards."""
    monkeypatch.setattr(membership_reader, "_LARGE_BYTES", 4_096)
    url = f"sqlite:///{tmp_path / 'graph.db'}"
    for expected in (False, True):
        store = await open_store(url, clock=ManualClock(), cache_identities=0)
        await store.membership_is_read()
        graphs = list(store._overlay._graphs.values())
        assert [list(graph.missing([DEVICE])) == [DEVICE] for graph in graphs] == [True] * expected
        await Scribe(store).create(DEVICE)
        await store.close()


def test_fetching_ends_when_nobody_wants_it(tmp_path: Path) -> None:
    """A service that is told to stop does not wait for a file of gigabytes."""
    (tmp_path / "file").write_bytes(b"x" * 10_000)

    prefetch(tmp_path / "file", lambda: True)
    prefetch(tmp_path / "file", lambda: False)


async def test_a_store_can_be_closed_while_the_tables_are_read(tmp_path: Path) -> None:
    """Nothing waits for the end of it, and nothing is complete that is not."""
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    await Scribe(store).create(DEVICE, MAIL)
    await store.close()
    membership = Membership(is_complete=False)

    with sqlite3.connect(tmp_path / "graph.db") as connection:
        reader = MembershipReader(tmp_path / "graph.db", {1: membership})
        reader._stop.set()
        await asyncio.wait_for(reader.close(), 10)
    connection.close()

    assert reader.done.done()
