"""What is in memory after a group could not be written: exactly what stands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.model.changes import Applied, Stale
from idsync.model.errors import UnavailableError
from idsync.model.flag import Flag
from idsync.model.journal import NEW, Change, ChangeKind
from idsync.model.standing import Newcomer
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.store import EmbeddedStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    yield store
    await store.close()


async def test_what_was_seen_of_a_void_group_holds_no_longer(store: EmbeddedStore) -> None:
    """ID-041, also where nothing else has happened since the look."""
    scribe = Scribe(store)
    mpid = await scribe.create(DEVICE)
    await store.settle()
    store._log._connection.execute("PRAGMA query_only = ON")
    [void] = await store.apply([await scribe.prepare(NEW, *scribe.creation(DEVICE))])
    late = await scribe.prepare(NEW, *scribe.creation(MAIL), identities=[DEVICE])
    assert isinstance(void, Applied)
    assert void.durable is not None
    with pytest.raises(UnavailableError):
        await void.durable
    store._log._connection.execute("PRAGMA query_only = OFF")

    assert await scribe.apply(late) == [Stale()]
    assert await scribe.holders(DEVICE) == [mpid]


async def test_a_key_of_a_void_group_was_not_used(store: EmbeddedStore) -> None:
    """ID-042: whoever sends his call again is not answered with what was never written."""
    scribe = Scribe(store)
    await scribe.create(MAIL)
    store._log._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(UnavailableError):
        await scribe.create(DEVICE, input_id="shop/web", idempotency_key="once")
    store._log._connection.execute("PRAGMA query_only = OFF")

    earlier = await scribe.earlier("shop/web", "once")
    mpid = await scribe.create(DEVICE, input_id="shop/web", idempotency_key="once")

    assert earlier is None
    assert [entry.mpid for entry in await scribe.journal(after=1)] == [mpid]


@pytest.mark.parametrize("kind", [ChangeKind.QUARANTINED, ChangeKind.FORBIDDEN])
async def test_what_names_a_value_of_a_birth_finds_it_again(store: EmbeddedStore, kind: ChangeKind) -> None:
    """After a failure all that stands is staged again, and nobody has asked for who was born by then."""
    scribe = Scribe(store)
    mpid = await scribe.create(MAIL)
    born = store.welcome(Newcomer(GRAPH, [DEVICE], "identify", "a/rule", False, "r1", "i1", ()))
    names = await store.apply([await scribe.prepare(0, Change(kind, 0, DEVICE))])
    assert store._committer.open_groups(), "they are not in the tables yet"
    store._rebuild()
    view = await scribe.look(DEVICE)

    assert [result.seq for result in (born, *names) if isinstance(result, Applied)] == [2, 3]
    assert view.flags(DEVICE) == ({Flag.QUARANTINE: 3} if kind is ChangeKind.QUARANTINED else {})
    assert [link.seq for link in view.must_nots(DEVICE)] == [3] * (kind is ChangeKind.FORBIDDEN)
    assert await scribe.holders(DEVICE) == [born.mpid]
    assert await scribe.holders(MAIL) == [mpid]
