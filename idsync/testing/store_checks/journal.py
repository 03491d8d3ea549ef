"""The journal is the truth: complete, in order, readable from any position, and the tables are its sum."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, cast

import pytest

from idsync.model.aliasing import AliasTerms
from idsync.model.changes import Applied
from idsync.model.identity import IdentityType
from idsync.model.journal import NEW, Change, ChangeKind, Evidence, JournalEntry
from idsync.model.notice import Notice, NoticeReason
from idsync.testing.clock import START_MS, ManualClock
from idsync.testing.graph_image import graph_image, replayed
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE, STAMP

__all__ = ["JournalChecks"]

_PATIENCE_S: Final = 10.0
"""How long a follower may wait for an entry before the check is given up."""


class JournalChecks:
    """Entries, and those who read them."""

    async def test_entries_count_from_one_without_gaps(self, scribe: Scribe, clock: ManualClock) -> None:
        for _ in range(3):
            clock.advance(1_000)
            await scribe.create(DEVICE)

        entries = await scribe.journal()

        assert [entry.seq for entry in entries] == [1, 2, 3]
        assert [clock.now_ms - entry.at_ms for entry in entries] == [2_000, 1_000, 0]

    async def test_an_entry_says_all_that_it_was_given(self, scribe: Scribe) -> None:
        """Who asked, what was seen, which rule decided, what was added and removed (design, idea 2)."""
        first = await scribe.create(DEVICE, MAIL)
        changes = [
            Change(ChangeKind.PROFILE_CREATED, NEW, other=first),
            Change(ChangeKind.IDENTITY_ADDED, NEW, CUSTOMER),
            Change(ChangeKind.DESCRIPTION_ADDED, NEW, NICKNAME),
            Change(ChangeKind.BECAME_KNOWN, NEW),
            Change(ChangeKind.IDENTITY_REMOVED, first, MAIL),
            Change(ChangeKind.BECAME_ANONYMOUS, first),
        ]
        evidence = Evidence(
            (DEVICE, CUSTOMER),
            (DEVICE,),
            DEVICE,
            2,
            first,
            (
                Notice(IdentityType.EMAIL, NoticeReason.BLANK),
                Notice(IdentityType.OTHER, NoticeReason.OUTSIDE_PRIORITY),
            ),
        )

        said = {
            "cause": "login",
            "rule": "suite/new-known",
            "request_id": "r-1",
            "input_id": "shop/web",
            "idempotency_key": "k-1",
        }
        applied = await scribe.write(NEW, *changes, evidence=evidence, **said)
        [entry] = await scribe.journal(after=1)

        named = tuple(change._replace(mpid=change.mpid or applied.mpid) for change in changes)
        assert entry == JournalEntry(
            scribe.graph,
            2,
            entry.at_ms,
            mpid=applied.mpid,
            changes=named,
            evidence=evidence,
            **said,
        )
        assert (applied.mpid, applied.seq) == (entry.mpid, 2)

    async def test_an_entry_about_an_alias_says_all_that_it_was_given(self, scribe: Scribe) -> None:
        """Which request, its terms, and why nothing came of it (ID-195)."""
        source, destination = await scribe.create(DEVICE), await scribe.create(MAIL)
        terms = AliasTerms(source, destination, START_MS - 1, START_MS, "device", STAMP, START_MS + 1)
        taken = Change(ChangeKind.ALIAS_TAKEN, source, STAMP, destination, terms)
        settled = [
            Change(ChangeKind.ALIAS_IGNORED, source, other=destination, alias_seq=3, reason="suite"),
            Change(ChangeKind.ALIAS_APPLIED, source, other=destination, alias_seq=4),
        ]

        for change in (taken, taken, *settled):
            await scribe.write(source, change)

        assert [entry.changes for entry in await scribe.journal(after=2)] == [
            (change,) for change in (taken, taken, *settled)
        ]

    async def test_an_entry_says_what_it_matched_whoever_asked(self, scribe: Scribe) -> None:
        """The values that evidence names need not be changed by the entry, nor named twice."""
        mpid = await scribe.create(DEVICE, MAIL, CUSTOMER)
        evidence = Evidence((DEVICE,), (MAIL,), CUSTOMER)

        await scribe.write(mpid, Change(ChangeKind.RETURNED, mpid), evidence=evidence)

        assert [entry.evidence for entry in await scribe.journal(after=1)] == [evidence]

    async def test_entries_come_in_pages(self, scribe: Scribe) -> None:
        for _ in range(5):
            await scribe.create(DEVICE)

        pages = [[entry.seq for entry in await scribe.journal(after, 2)] for after in (0, 2, 4, 5, 99)]

        assert pages == [[1, 2], [3, 4], [5], [], []]

    async def test_entries_of_one_profile_are_found(self, scribe: Scribe) -> None:
        """Also those in which another call took something from it, or named it as an alias destination."""
        mpid = await scribe.create(DEVICE)
        other = await scribe.create(MAIL)
        await scribe.add(mpid, NICKNAME)
        await scribe.write(
            other,
            Change(ChangeKind.IDENTITY_REMOVED, mpid, NICKNAME),
            Change(ChangeKind.IDENTITY_ADDED, other, NICKNAME),
        )
        await scribe.create(OTHER_DEVICE)

        of_mpid = await scribe.store.entries(scribe.graph, 0, 10, mpid)
        of_other = await scribe.store.entries(scribe.graph, 2, 10, other)
        first_page = await scribe.store.entries(scribe.graph, 0, 2, mpid)

        assert [entry.seq for entry in of_mpid] == [1, 3, 4]
        assert [entry.seq for entry in of_other] == [4]
        assert [entry.seq for entry in first_page] == [1, 3]

    async def test_entries_about_an_alias_are_found_by_both_profiles(self, scribe: Scribe) -> None:
        """A profile that only came from another one is no matter of that one (ID-122)."""
        source, destination = await scribe.create(DEVICE), await scribe.create(MAIL)
        terms = AliasTerms(source, destination, START_MS - 1, START_MS, "device", STAMP, START_MS + 1)
        await scribe.write(source, Change(ChangeKind.ALIAS_TAKEN, source, STAMP, destination, terms))
        await scribe.write(source, Change(ChangeKind.ALIAS_APPLIED, source, other=destination, alias_seq=3))
        await scribe.create(OTHER_DEVICE, source=destination)

        found = [await scribe.store.entries(scribe.graph, 0, 10, mpid) for mpid in (source, destination)]

        assert [[entry.seq for entry in entries] for entries in found] == [[1, 3, 4], [2, 3, 4]]

    async def test_entries_are_found_by_position(self, scribe: Scribe) -> None:
        """Unknown positions are left out."""
        mpids = [await scribe.create(DEVICE) for _ in range(3)]

        found = await scribe.store.entries_at(scribe.graph, [3, 1, 4, 0, -1])

        assert {seq: entry.mpid for seq, entry in found.items()} == {1: mpids[0], 3: mpids[2]}
        assert await scribe.store.entries_at(scribe.graph, []) == {}

    async def test_entries_are_found_by_request(self, scribe: Scribe) -> None:
        """A request id is for correlation: several entries may carry it, oldest first (ID-042)."""
        await scribe.create(DEVICE, request_id="one")
        await scribe.create(DEVICE, request_id="two")
        await scribe.create(DEVICE, request_id="one")

        of_one = await scribe.store.entries_of_request(scribe.graph, "one", 10)
        first = await scribe.store.entries_of_request(scribe.graph, "one", 1)
        of_none = await scribe.store.entries_of_request(scribe.graph, "three", 10)

        assert ([e.seq for e in of_one], [e.seq for e in first], of_none) == ([1, 3], [1], [])

    async def test_an_idempotency_key_finds_the_entry_of_its_input(self, scribe: Scribe) -> None:
        """The same key of another input is another key."""
        mpid = await scribe.create(DEVICE, input_id="shop/web", idempotency_key="once")
        await scribe.create(DEVICE, input_id="shop/app", idempotency_key="twice")
        await scribe.store.settle()

        earlier = await scribe.earlier("shop/web", "once")

        assert earlier is not None
        assert (earlier.seq, earlier.mpid) == (1, mpid)
        assert await scribe.earlier("shop/app", "once") is None
        assert await scribe.earlier("", "once") is None

    async def test_an_idempotency_key_is_seen_at_once(self, scribe: Scribe) -> None:
        """The second sending may come before the first is durable."""
        creation = await scribe.prepare(
            NEW, *scribe.creation(DEVICE), input_id="shop/web", idempotency_key="once"
        )

        [result] = await scribe.store.apply([creation])

        assert await scribe.earlier("shop/web", "once") is not None
        assert isinstance(result, Applied)
        if result.durable is not None:
            await result.durable

    @pytest.mark.parametrize("cursor", [0, 1, 3, 5])
    async def test_a_follower_misses_none_and_repeats_none(self, scribe: Scribe, cursor: int) -> None:
        """From any cursor: what is there already, then what comes (ID-251)."""
        for _ in range(3):
            await scribe.create(DEVICE)
        seen: list[int] = []

        async def follow() -> None:
            async with aclosing(_changes(scribe, cursor)) as changes:
                async for entry in changes:
                    seen.append(entry.seq)
                    if entry.seq == 12:
                        return

        async with asyncio.timeout(_PATIENCE_S), asyncio.TaskGroup() as group:
            group.create_task(follow())
            for _ in range(3):
                await scribe.create(DEVICE)
            creations = [await scribe.prepare(NEW, *scribe.creation(DEVICE)) for _ in range(6)]
            await scribe.apply(*creations)

        assert seen == list(range(cursor + 1, 13))

    async def test_followers_do_not_disturb_each_other(self, scribe: Scribe) -> None:
        """One leaves, one sleeps on another graph's journal, one goes on."""
        elsewhere = Scribe(scribe.store, scribe.graph._replace(scope="elsewhere"))
        first = anext(leaving := _changes(scribe, 0))
        second = anext(idle := _changes(elsewhere, 0))
        idle_task = asyncio.ensure_future(second)
        staying = _changes(scribe, 0)

        async with asyncio.timeout(_PATIENCE_S):
            leaving_task, staying_task = asyncio.ensure_future(first), asyncio.ensure_future(anext(staying))
            await scribe.create(DEVICE)
            assert (await leaving_task).seq == (await staying_task).seq == 1
            await leaving.aclose()
            await scribe.create(DEVICE)
            assert (await anext(staying)).seq == 2
            assert not idle_task.done()
            await elsewhere.create(MAIL)
            assert (await idle_task).mpid == (await elsewhere.journal())[0].mpid
        await staying.aclose()
        await idle.aclose()

    async def test_settling_makes_everything_readable(self, scribe: Scribe) -> None:
        """Also what nobody waited for."""
        creations = [await scribe.prepare(NEW, *scribe.creation(identity)) for identity in (DEVICE, MAIL)]
        results = await scribe.store.apply(creations)

        await scribe.store.settle()

        assert len(await scribe.journal()) == 2
        assert [type(result) for result in results] == [Applied, Applied]

    async def test_the_tables_are_what_the_journal_adds_up_to(
        self, scribe: Scribe, clock: ManualClock
    ) -> None:
        """Folding the entries anew gives the same profiles, links and aliases (design, idea 2)."""
        first = await scribe.create(DEVICE, NICKNAME)
        second = await scribe.create(DEVICE, CUSTOMER, source=first)
        clock.advance(60_000)
        await scribe.add(first, MAIL, OTHER_DEVICE)
        await scribe.describe(second, STAMP)
        await scribe.give_back(first)
        clock.advance(60_000)
        await scribe.write(
            second,
            Change(ChangeKind.IDENTITY_REMOVED, first, MAIL),
            Change(ChangeKind.IDENTITY_ADDED, second, MAIL),
        )
        await scribe.write(second, Change(ChangeKind.DESCRIPTION_REMOVED, second, STAMP))
        await scribe.write(first, Change(ChangeKind.ACTIVE, first))
        await scribe.create(NICKNAME)
        await scribe.store.settle()

        image = await graph_image(scribe.store, scribe.graph)

        assert len(image.profiles) == 3
        assert image == await graph_image(await replayed(image.entries), scribe.graph)

    async def test_the_sum_of_the_journal_is_the_same_after_an_erasure(self, scribe: Scribe) -> None:
        """What a living profile holds can be folded anew from a journal that forgot the rest."""
        first = await scribe.create(DEVICE, NICKNAME, MAIL)
        second = await scribe.create(DEVICE, CUSTOMER)
        await scribe.erase(first)
        await scribe.create(NICKNAME)
        await scribe.store.settle()

        image = await graph_image(scribe.store, scribe.graph)
        again = await graph_image(await replayed(image.entries), scribe.graph)

        assert image.profiles == again.profiles
        assert image.holders == again.holders
        assert image.holders[DEVICE] == [second]


def _changes(scribe: Scribe, after: int) -> AsyncGenerator[JournalEntry, None]:
    return cast("AsyncGenerator[JournalEntry, None]", scribe.store.changes(scribe.graph, after))
