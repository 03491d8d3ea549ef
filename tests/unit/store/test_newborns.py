"""Births that nobody asked for yet: found like everybody else, and gone for room without being forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from idsync.model.aliasing import AliasTerms
from idsync.model.changes import Stale
from idsync.model.errors import UnavailableError
from idsync.model.identity import IdentityType, Mpid
from idsync.model.journal import NEW, Change, ChangeKind, Evidence
from idsync.store.birth import Birth
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.resident import ResidentGraph
from idsync.store.embedded.store import EmbeddedStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE, numbered

Opened = Callable[[int], AbstractAsyncContextManager[Scribe]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Give what opens the store with room for so many identities, its membership complete."""

    @asynccontextmanager
    async def open_(room: int) -> AsyncIterator[Scribe]:
        store = await open_store(
            f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock(), cache_identities=room
        )
        try:
            await store.membership_is_read()
            yield Scribe(store)
        finally:
            await store.close()

    return open_


def _store(scribe: Scribe) -> EmbeddedStore:
    assert isinstance(scribe.store, EmbeddedStore)
    return scribe.store


def _graph(scribe: Scribe) -> ResidentGraph:
    return _store(scribe)._overlay._graphs[GRAPH]


def _newborn(scribe: Scribe) -> set[Mpid]:
    return set(_graph(scribe)._newborns.by_mpid)


async def _fail(scribe: Scribe) -> None:
    log = _store(scribe)._log._connection
    log.execute("PRAGMA query_only = ON")
    with pytest.raises(UnavailableError):
        await scribe.create(OTHER_DEVICE)
    log.execute("PRAGMA query_only = OFF")


async def test_whoever_is_asked_for_is_newborn_no_more(opened: Opened) -> None:
    """By a value, or by name."""
    async with opened(1_000) as scribe:
        first, second = await scribe.create(DEVICE, CUSTOMER), await scribe.create(MAIL)
        third = await scribe.create()
        before = _newborn(scribe)
        found = await scribe.store.graph_of([first, second, 99])
        holders = await scribe.holders(CUSTOMER)
        profile = (await scribe.look(profiles=[second])).profile(second)

        assert before == {first, second, third}
        assert found == {first: GRAPH, second: GRAPH}
        assert holders == [first]
        assert profile is not None
        assert list(profile.record()) == [MAIL]
        assert _newborn(scribe) == {third}


@pytest.mark.parametrize("room", [0, 1_000])
async def test_what_becomes_of_one_is_written(opened: Opened, room: int) -> None:
    """ID-011, ID-070: before the fold, in the same fold, and after it; with room for all and for nobody."""
    async with opened(room) as scribe:
        first = await scribe.create(DEVICE)
        await scribe.add(first, MAIL)
        await scribe.store.settle()
        second = await scribe.create(CUSTOMER)
        await scribe.store.settle()
        await scribe.add(second, DEVICE, NICKNAME)
        assert await scribe.holders(DEVICE) == [second, first]
    async with opened(room) as scribe:
        assert await scribe.holders(DEVICE) == [second, first]
        assert await scribe.holders(MAIL) == [first]
        assert [entry.seq for entry in await scribe.journal()] == [1, 2, 3, 4]


async def test_one_that_left_for_room_is_read_again(opened: Opened) -> None:
    """Its values are known to be there, though they were looked for in vain before."""
    async with opened(0) as scribe:
        assert await scribe.holders(DEVICE) == []
        mpid = await scribe.create(DEVICE, MAIL)
        await scribe.store.settle()
        assert _newborn(scribe) == {mpid}
        await scribe.holders(NICKNAME)

        assert _newborn(scribe) == set()
        assert len(_graph(scribe)) == 0
        assert await scribe.holders(DEVICE) == [mpid]
        assert await scribe.holders(MAIL) == [mpid]


async def test_one_that_is_not_in_the_tables_stays(opened: Opened) -> None:
    async with opened(0) as scribe:
        _store(scribe)._folds._on_folded = lambda _: None
        mpid = await scribe.create(DEVICE)
        for _ in range(3):
            await scribe.holders(NICKNAME)

        assert _newborn(scribe) == {mpid}


async def test_newcomers_have_a_part_of_the_room(opened: Opened) -> None:
    """Four identities fit: one of them may be a birth, however full it is, and the newest is."""
    async with opened(4) as scribe:
        others = [numbered(IdentityType.OTHER, number) for number in range(6)]
        for other in others:
            await scribe.create(other)
            await scribe.holders(other)
        births = [await scribe.create(numbered(IdentityType.OTHER2, number)) for number in range(3)]
        await scribe.store.settle()
        await scribe.holders(NICKNAME)

        assert _newborn(scribe) == {births[-1]}


async def test_those_who_have_nothing_leave_too(opened: Opened) -> None:
    """Somebody all of whose values are held elsewhere has none."""
    async with opened(0) as scribe:
        for _ in range(3):
            await scribe.create()
        await scribe.store.settle()
        await scribe.holders(NICKNAME)

        assert _newborn(scribe) == set()


async def test_whoever_grew_up_leaves_no_birth_behind(opened: Opened) -> None:
    """With room for all nobody is ever swept, and yet nothing is kept twice."""
    async with opened(1_000) as scribe:
        births = [await scribe.create(numbered(IdentityType.OTHER, number)) for number in range(3)]
        await scribe.holders(numbered(IdentityType.OTHER, 1))

        assert list(_graph(scribe)._newborns.by_mpid) == [births[0], births[2]]
        assert len(_graph(scribe)._newborns) == 2


@pytest.mark.parametrize("settled", [True, False])
async def test_a_failed_write_forgets_nobody(opened: Opened, settled: bool) -> None:
    """ID-041: those whose group stands, in the tables or not; asked for before, or not."""
    async with opened(1_000) as scribe:
        first, second = await scribe.create(DEVICE), await scribe.create(MAIL)
        assert await scribe.holders(MAIL) == [second]
        if settled:
            await scribe.store.settle()

        await _fail(scribe)

        assert await scribe.holders(OTHER_DEVICE) == []
        assert await scribe.holders(DEVICE) == [first]
        assert await scribe.holders(MAIL) == [second]


async def test_an_erasure_that_failed_erased_nobody(opened: Opened) -> None:
    """ID-212: his values were nowhere but in memory and in the tables, and are found there."""
    async with opened(1_000) as scribe:
        mpid = await scribe.create(DEVICE)
        await scribe.store.settle()
        log = _store(scribe)._log._connection
        log.execute("PRAGMA query_only = ON")
        with pytest.raises(UnavailableError):
            await scribe.erase(mpid)
        log.execute("PRAGMA query_only = OFF")

        assert await scribe.holders(DEVICE) == [mpid]


async def test_a_value_that_came_to_be_named_meanwhile_is_not_introduced_twice(opened: Opened) -> None:
    """An alias names its stamp (ID-185): nobody holds it, so it has no version, and yet it is there."""
    async with opened(1_000) as scribe:
        one, other = await scribe.create(MAIL), await scribe.create(CUSTOMER)
        late = await scribe.prepare(
            NEW, *scribe.creation(DEVICE), identities=[DEVICE], evidence=Evidence((DEVICE,))
        )
        terms = AliasTerms(one, other, 1, 2, "shop", DEVICE, 3)
        await scribe.write(one, Change(ChangeKind.ALIAS_TAKEN, one, other=other, terms=terms))

        assert await scribe.apply(late) == [Stale()]
        mpid = await scribe.create(DEVICE)
        assert await scribe.holders(DEVICE) == [mpid]
        await scribe.store.settle()
        assert [entry.seq for entry in await scribe.journal()] == [1, 2, 3, 4]


async def test_the_log_takes_births_as_they_are(opened: Opened) -> None:
    """And everything else as entries."""
    async with opened(1_000) as scribe:
        _store(scribe)._folds._on_folded = lambda _: None
        mpid = await scribe.create(DEVICE)
        await scribe.add(mpid, MAIL)
        await scribe.create(CUSTOMER, input_id="shop/web", idempotency_key="once")

        kinds = [type(entry) is Birth for group in _store(scribe)._unfolded for _, entry in group.entries]
        assert kinds == [True, False, False]
