"""What is read from the tables after a restart is what was in memory before: whole, or bit by bit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from idsync.model.aliasing import AliasTerms
from idsync.model.identity import Identity, IdentityType
from idsync.model.journal import Change, ChangeKind
from idsync.store.embedded.loader import Loader, digest
from idsync.store.embedded.opening import open_store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME

Opened = Callable[[], AbstractAsyncContextManager[Scribe]]


@pytest.fixture(params=[1_000, 0], ids=["whole", "bit by bit"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Give what opens the store, with room for all or for nothing."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Scribe]:
        store = await open_store(
            f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock(), cache_identities=request.param
        )
        try:
            yield Scribe(store)
        finally:
            await store.close()

    return open_


async def test_a_former_holder_holds_nothing(opened: Opened) -> None:
    """Links that were closed are history, whoever asks."""
    async with opened() as scribe:
        first, second = await scribe.create(DEVICE, CUSTOMER), await scribe.create(DEVICE)
        await scribe.describe(first, NICKNAME)
        await scribe.remove(first, DEVICE)
        await scribe.write(first, Change(ChangeKind.DESCRIPTION_REMOVED, first, NICKNAME))

    async with opened() as scribe:
        nickname = (await scribe.look(NICKNAME)).holders(NICKNAME)
        profile = (await scribe.look(profiles=[first])).profile(first)
        assert await scribe.holders(DEVICE) == [second]
        assert nickname is not None
        assert not nickname.describes(first)
        assert profile is not None
        assert list(profile.record()) == [CUSTOMER]
        assert not profile.descriptions()


async def test_a_description_is_found_again(opened: Opened) -> None:
    """ID-026: it is no link of the record, and both sides know of it."""
    async with opened() as scribe:
        mpid = await scribe.create(DEVICE)
        await scribe.describe(mpid, NICKNAME)

    async with opened() as scribe:
        nickname = (await scribe.look(NICKNAME)).holders(NICKNAME)
        profile = (await scribe.look(profiles=[mpid])).profile(mpid)
        assert nickname is not None
        assert nickname.describes(mpid)
        assert not nickname.has(mpid)
        assert profile is not None
        assert (list(profile.record()), list(profile.descriptions())) == ([DEVICE], [NICKNAME])


async def test_one_value_under_two_types_is_two_identities(opened: Opened) -> None:
    """Each is found by itself."""
    name, mail = Identity(IdentityType.OTHER, "same"), Identity(IdentityType.EMAIL, "same")
    async with opened() as scribe:
        first, second = await scribe.create(name), await scribe.create(mail)

    async with opened() as scribe:
        assert await scribe.holders(name) == [first]
    async with opened() as scribe:
        assert await scribe.holders(mail) == [second]


async def test_an_alias_request_is_found_from_both_sides(opened: Opened) -> None:
    """ID-186 judges by them; in order of arrival."""
    async with opened() as scribe:
        first, second, third = [await scribe.create(identity) for identity in (DEVICE, MAIL, CUSTOMER)]
        asked = [AliasTerms(*pair, 0, 1, "mpid", None, 2) for pair in [(first, second), (third, first)]]
        for terms in asked:
            taken = Change(ChangeKind.ALIAS_TAKEN, terms.source, other=terms.destination, terms=terms)
            await scribe.write(terms.source, taken)

    async with opened() as scribe:
        view = await scribe.look(profiles=[first, second, third], aliases=True)
        shown = [[record.terms for record in view.aliases(mpid)] for mpid in (first, second, third)]
    assert shown == [asked, asked[:1], asked[1:]]


async def test_an_erased_value_kept_by_another_is_found(opened: Opened) -> None:
    """ID-212: erasing one holder takes the value from nobody else, descriptions included."""
    async with opened() as scribe:
        erased, holder, describer = [await scribe.create(i) for i in (DEVICE, DEVICE, CUSTOMER)]
        await scribe.add(erased, MAIL, NICKNAME)
        await scribe.describe(describer, MAIL)
        await scribe.store.entries(scribe.graph, 0, 1)  # now the tables have them, and the rest comes later
        await scribe.erase(erased)

    async with opened() as scribe:
        mail = (await scribe.look(MAIL)).holders(MAIL)
        assert await scribe.holders(DEVICE) == [holder]
        assert (await scribe.look(NICKNAME)).holders(NICKNAME) is None
        assert mail is not None
        assert mail.describes(describer)


async def test_a_value_with_the_digest_of_another_is_not_found(tmp_path: Path) -> None:
    """The value decides; its digest only says where to look."""
    store = await open_store(f"sqlite:///{tmp_path / 'g.db'}", clock=ManualClock())
    await Scribe(store).create(DEVICE)
    await store.close()
    loader = Loader(tmp_path / "g.db", 1_024)
    key = digest(DEVICE.value.encode())

    found = loader.identities(1, {DEVICE: key})
    other = loader.identities(1, {Identity(DEVICE.type, "another"): key})
    loader.close()

    assert ([row[2] for row in found], other) == ([DEVICE.value.encode()], [])
