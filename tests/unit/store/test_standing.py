"""Where a call stands, how a stranger becomes somebody, and for how long an answer is vouched for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.model.changes import Applied
from idsync.model.errors import UnavailableError
from idsync.model.identity import Identity, Mpid
from idsync.model.standing import UNHELD, Newcomer, Standing
from idsync.model.view import ViewRequest
from idsync.store.embedded.newborns import Newborn
from idsync.store.embedded.opening import open_store
from idsync.store.embedded.store import EmbeddedStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, LOGIN, Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock(), cache_identities=64)
    await store.membership_is_read()
    yield store
    await store.close()


def _standing(
    store: EmbeddedStore, *identities: Identity, profiles: tuple[Mpid, ...] = ()
) -> Standing | None:
    return store.standing(ViewRequest(GRAPH, LOGIN, identities, profiles))


def _newcomer(*identities: Identity) -> Newcomer:
    return Newcomer(GRAPH, list(identities), "identify", "a/rule", CUSTOMER in identities, "r1", "i1", ())


async def test_a_call_stands_where_its_values_do(store: EmbeddedStore) -> None:
    scribe = Scribe(store)
    born = await scribe.create(DEVICE, MAIL)
    changed = await scribe.create(CUSTOMER)
    await scribe.add(changed, NICKNAME)

    assert _standing(store, OTHER_DEVICE) is UNHELD
    assert _standing(store) is None, "nothing is brought"
    assert _standing(store, OTHER_DEVICE, profiles=(born,)) is None, "there is more to look at"
    assert _standing(store, OTHER_DEVICE, MAIL) is None, "one of two is held"
    assert _standing(store, DEVICE) is None, "there is more to the profile"
    assert _standing(store, CUSTOMER, NICKNAME) is None, "it has changed"
    assert _standing(store, DEVICE, MAIL, profiles=(changed,)) is None, "another one is to be looked at"
    for profiles in ((), (born,)):
        found = _standing(store, MAIL, DEVICE, profiles=profiles)
        assert isinstance(found, Newborn)
        assert found.mpid == born


async def test_a_newcomer_is_somebody_at_once_and_for_good(store: EmbeddedStore, tmp_path: Path) -> None:
    """ID-076: with an entry, a profile and its identities, like everybody else."""
    applied = store.welcome(_newcomer(DEVICE, CUSTOMER))
    assert isinstance(_standing(store, DEVICE, CUSTOMER), Newborn)
    assert applied.durable is not None
    await applied.durable
    scribe = Scribe(store)
    [entry] = await scribe.journal()
    await store.close()

    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    scribe = Scribe(store)
    assert (entry.seq, entry.mpid, entry.cause, entry.rule) == (1, applied.mpid, "identify", "a/rule")
    assert (entry.request_id, entry.input_id) == ("r1", "i1")
    assert await scribe.holders(DEVICE) == await scribe.holders(CUSTOMER) == [applied.mpid]
    profile = (await store.profiles(GRAPH, [applied.mpid]))[applied.mpid]
    assert [recorded.identity for recorded in profile.identities] == [DEVICE, CUSTOMER]
    await store.close()


async def test_an_answer_waits_for_the_birth_it_rests_on(store: EmbeddedStore) -> None:
    applied = store.welcome(_newcomer(DEVICE))
    born = _standing(store, DEVICE)
    assert isinstance(born, Newborn)

    early = store.vouch(born)
    assert early == Applied(applied.mpid, 0, applied.durable)
    assert not store.stands(born), "it is not on disk"
    await store.settle()
    assert store.vouch(born) == Applied(applied.mpid, 0, None)
    assert store.stands(born)


@pytest.mark.parametrize("what", ["looked at", "left for room", "all was read again", "cannot be read"])
async def test_nobody_is_vouched_for_as_he_was(store: EmbeddedStore, what: str) -> None:
    """Once there is more to know of a profile, or nothing known of it any more, a call is decided again."""
    scribe = Scribe(store)
    await scribe.create(DEVICE, MAIL)
    await store.settle()
    born = _standing(store, DEVICE, MAIL)
    assert isinstance(born, Newborn)
    assert store.stands(born)

    if what == "looked at":
        await scribe.holders(DEVICE)
    elif what == "left for room":
        for number in range(200):
            await scribe.create(Identity(MAIL.type, f"{number}@example.com"))
        await store.settle()
        assert _standing(store, OTHER_DEVICE) is UNHELD, "looking makes room"
    elif what == "all was read again":
        store._rebuild()
    else:
        store._is_void = True

    assert store.vouch(born) is None
    assert not store.stands(born)


async def test_strangers_alone_do_not_fill_the_memory(store: EmbeddedStore) -> None:
    """Also where nobody is ever looked at in any other way."""
    for number in range(300):
        value = Identity(MAIL.type, f"{number}@example.com")
        assert _standing(store, value) is UNHELD
        await store.settle()
        store.welcome(_newcomer(value))

    assert sum(map(len, store._overlay._graphs.values())) < 100


async def test_who_cannot_be_written_is_nobody(store: EmbeddedStore) -> None:
    """ID-041: acknowledged by nobody, and seen by nobody."""
    await Scribe(store).create(MAIL)
    store._log._connection.execute("PRAGMA query_only = ON")
    applied = store.welcome(_newcomer(DEVICE))
    assert applied.durable is not None
    with pytest.raises(UnavailableError):
        await applied.durable
    store._log._connection.execute("PRAGMA query_only = OFF")

    assert _standing(store, DEVICE) is None, "it must be looked for"
    assert await Scribe(store).holders(DEVICE) == []
    assert [entry.seq for entry in await Scribe(store).journal()] == [1]
