"""What was answered is there after a restart, and nothing that counts begins anew."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import cast

import pytest

from idsync.model.aliasing import AliasTerms
from idsync.model.changes import Stale
from idsync.model.identity import IdentityType
from idsync.model.journal import NEW, Change, ChangeKind, JournalEntry
from idsync.store.protocol import Store
from idsync.testing.capability import Capability, OpenStore, needs
from idsync.testing.clock import START_MS, ManualClock
from idsync.testing.graph_image import graph_image
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE, STAMP, numbered
from idsync.testing.store_checks.versions import first_version

__all__ = ["RestartChecks"]


class RestartChecks:
    """Closing and opening again, with everything folded and with nothing folded."""

    @pytest.fixture(params=[True, False], ids=["settled", "not settled"])
    def settled(self, request: pytest.FixtureRequest) -> bool:
        """Whether the store is given time to finish before it is closed."""
        return bool(request.param)

    @needs(Capability.RESTART)
    async def test_everything_is_as_it_was(
        self, open_store: OpenStore, clock: ManualClock, settled: bool
    ) -> None:
        async with _opened(open_store) as store:
            scribe = Scribe(store)
            await _lively(scribe, clock)
            if settled:
                await store.settle()
            before = await graph_image(store, scribe.graph)
            graphs = await store.graphs()
            versions = await store.versions()

        async with _opened(open_store) as store:
            assert await graph_image(store, scribe.graph) == before
            assert await store.graphs() == graphs
            assert await store.versions() == versions != []

    @needs(Capability.RESTART)
    async def test_the_order_of_holders_is_as_it_was(self, open_store: OpenStore, settled: bool) -> None:
        async with _opened(open_store) as store:
            scribe = Scribe(store)
            first, second, third = [await scribe.create(DEVICE) for _ in range(3)]
            await scribe.give_back(second)
            await scribe.add(first, CUSTOMER)
            if settled:
                await store.settle()

        async with _opened(open_store) as store:
            assert await Scribe(store).holders(DEVICE) == [first, second, third]

    @needs(Capability.RESTART)
    async def test_positions_and_names_go_on(
        self, open_store: OpenStore, clock: ManualClock, settled: bool
    ) -> None:
        """Also when the clock was set back meanwhile."""
        async with _opened(open_store) as store:
            scribe = Scribe(store)
            before = await scribe.create(DEVICE)
            if settled:
                await store.settle()
        clock.now_ms -= 86_400_000

        async with _opened(open_store) as store:
            scribe = Scribe(store)
            after = await scribe.create(DEVICE)
            entries = await scribe.journal()

        assert after > before
        assert [entry.seq for entry in entries] == [1, 2]

    @needs(Capability.RESTART)
    async def test_no_number_returns(self, open_store: OpenStore) -> None:
        """Restart after restart: a number used twice would tie new values to old profiles."""
        mpids = []
        for round_ in range(4):
            async with _opened(open_store) as store:
                scribe = Scribe(store)
                mpids.append(await scribe.create(numbered(IdentityType.OTHER, round_), DEVICE))
                if round_ % 2:
                    await store.settle()

        async with _opened(open_store) as store:
            scribe = Scribe(store)
            shown = await store.profiles(scribe.graph, mpids)
            records = [{r.identity for r in shown[mpid].identities} for mpid in mpids]
            newest_first = await scribe.holders(DEVICE)

        assert records == [{numbered(IdentityType.OTHER, i), DEVICE} for i in range(4)]
        assert newest_first == mpids[::-1]

    @needs(Capability.RESTART)
    async def test_conditions_hold_over_a_restart(self, open_store: OpenStore, settled: bool) -> None:
        """Versions are part of what is kept."""
        async with _opened(open_store) as store:
            scribe = Scribe(store)
            mpid = await scribe.create(DEVICE)
            await scribe.create(DEVICE)
            if settled:
                await store.settle()

        async with _opened(open_store) as store:
            scribe = Scribe(store)
            late = await scribe.prepare(
                mpid, Change(ChangeKind.IDENTITY_ADDED, mpid, MAIL), identities=[DEVICE], profiles=[mpid]
            )
            good = await scribe.apply(late)
            stale = await scribe.apply(late)

        assert not isinstance(good[0], Stale)
        assert stale == [Stale()]

    @needs(Capability.RESTART)
    async def test_an_erased_value_stays_gone(self, open_store: OpenStore, settled: bool) -> None:
        async with _opened(open_store) as store:
            scribe = Scribe(store)
            mpid = await scribe.create(MAIL)
            await scribe.erase(mpid)
            if settled:
                await store.settle()

        async with _opened(open_store) as store:
            scribe = Scribe(store)
            unseen = await scribe.holders(MAIL)
            again = await scribe.create(MAIL)
            links = await store.links_of(scribe.graph, MAIL, 10)
            first = (await scribe.journal())[0]

        assert unseen == []
        assert [link.mpid for link in links] == [again]
        assert [c.identity.value for c in first.changes if c.identity is not None] == [""]

    @needs(Capability.RESTART)
    async def test_idempotency_keys_are_remembered(self, open_store: OpenStore, settled: bool) -> None:
        async with _opened(open_store) as store:
            scribe = Scribe(store)
            mpid = await scribe.create(DEVICE, input_id="shop/web", idempotency_key="once")
            if settled:
                await store.settle()

        async with _opened(open_store) as store:
            earlier = await Scribe(store).earlier("shop/web", "once")

        assert earlier is not None
        assert earlier.mpid == mpid

    @needs(Capability.RESTART)
    async def test_a_follower_goes_on_where_it_was(self, open_store: OpenStore, settled: bool) -> None:
        """A cursor survives a restart of the store: none missed, none repeated (ID-251)."""
        seen: list[int] = []
        async with _opened(open_store) as store:
            scribe = Scribe(store)
            for _ in range(3):
                await scribe.create(DEVICE)
            async with aclosing(_changes(store, scribe, 0)) as changes:
                seen += [(await anext(changes)).seq, (await anext(changes)).seq]
            if settled:
                await store.settle()

        async with _opened(open_store) as store:
            scribe = Scribe(store)
            await scribe.create(DEVICE)
            async with aclosing(_changes(store, scribe, seen[-1])) as changes:
                seen += [(await anext(changes)).seq, (await anext(changes)).seq]

        assert seen == [1, 2, 3, 4]

    @needs(Capability.RESTART)
    async def test_closing_twice_does_nothing_more(self, open_store: OpenStore) -> None:
        store = await open_store()
        mpid = await Scribe(store).create(DEVICE)
        await store.close()
        await store.close()

        async with _opened(open_store) as store:
            assert await Scribe(store).holders(DEVICE) == [mpid]


async def _lively(scribe: Scribe, clock: ManualClock) -> None:
    """Write a little of everything."""
    first = await scribe.create(DEVICE, NICKNAME)
    clock.advance(1_000)
    second = await scribe.create(DEVICE, CUSTOMER, source=first, request_id="r", input_id="shop/web")
    await scribe.describe(second, STAMP)
    await scribe.add(second, MAIL)
    await scribe.give_back(first)
    terms = AliasTerms(first, second, START_MS - 1, START_MS, "device", STAMP, START_MS + 86_400_000)
    await scribe.write(first, Change(ChangeKind.ALIAS_TAKEN, first, STAMP, second, terms))
    await scribe.write(
        first, Change(ChangeKind.ALIAS_IGNORED, first, other=second, alias_seq=6, reason="suite")
    )
    await scribe.write(first, Change(ChangeKind.ALIAS_TAKEN, first, STAMP, second, terms))
    await scribe.remove(second, MAIL)
    third = await scribe.create(OTHER_DEVICE)
    await scribe.erase(third)
    await scribe.write(NEW, *scribe.creation(OTHER_DEVICE))
    await scribe.store.add_version(first_version())


@asynccontextmanager
async def _opened(open_store: OpenStore) -> AsyncIterator[Store]:
    store = await open_store()
    try:
        yield store
    finally:
        await store.close()


def _changes(store: Store, scribe: Scribe, after: int) -> AsyncGenerator[JournalEntry, None]:
    return cast("AsyncGenerator[JournalEntry, None]", store.changes(scribe.graph, after))
