"""Calls that were recorded are read back beside the journal, and forget whoever is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final, NamedTuple, cast

import orjson

from idsync.model.identity import Environment, GraphKey, Identity, IdentityType, Mpid
from idsync.model.recording import HistoryPage, RecordedCall, RecordedSpan
from idsync.model.request import IdentityChange
from idsync.store.protocol import Store
from idsync.testing.capability import Capability, OpenStore, needs
from idsync.testing.clock import START_MS
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE, OTHER_MAIL

__all__ = ["RecordingChecks"]

_DAY_MS: Final = 86_400_000
_ELSEWHERE: Final = GraphKey(GRAPH.scope, Environment.DEVELOPMENT)


class _Told(NamedTuple):
    """A recorded call as it was read back, values in the place of ids; `None`: erased."""

    after_seq: int
    seq: int
    operation: str
    mpid: Mpid
    named: Mpid | None
    rule: str
    times: int
    sent: list[Any]


class RecordingChecks:
    """What was recorded, read as a replay reads it."""

    async def test_calls_come_back_as_they_were_sent(self, scribe: Scribe) -> None:
        """In the order of their places, values that the graph does not know included."""
        mpid = await scribe.create(DEVICE, CUSTOMER)
        await scribe.create(OTHER_DEVICE)
        change = IdentityChange(IdentityType.EMAIL, OTHER_MAIL, MAIL)
        later = RecordedCall(GRAPH, 2, 0, "modify", 0, 77, "VALIDATION_ERROR", (), (change,))
        sooner = _call(1, mpid, DEVICE, MAIL, named=99)

        refused = await scribe.store.calls.record_calls([(later, 1), (sooner, 5)], START_MS)
        pages = await _pages(scribe.store)

        assert refused == []
        assert _calls(pages) == [
            _Told(1, 0, "login", mpid, 99, "a/rule", 5, [DEVICE, MAIL]),
            _Told(2, 0, "modify", 0, 77, "VALIDATION_ERROR", 1, [[IdentityType.EMAIL, OTHER_MAIL, MAIL]]),
        ]
        assert [entry.seq for page in pages for entry in page.entries] == [1, 2]
        assert pages[-1].until_seq == 2

    async def test_what_came_later_is_not_read(self, scribe: Scribe) -> None:
        """A history up to an entry ends with what came before the next one."""
        mpid = await scribe.create(DEVICE)
        await scribe.create(OTHER_DEVICE)
        came = [(_call(1, mpid, DEVICE), 1), (_call(2, mpid, DEVICE), 2)]
        await scribe.store.calls.record_calls(came, START_MS)

        pages = await _pages(scribe.store, until_seq=1)

        assert [call.times for call in _calls(pages)] == [1]
        assert [entry.seq for page in pages for entry in page.entries] == [1]

    async def test_a_graph_without_entries_takes_no_calls(self, scribe: Scribe) -> None:
        """It is said which, so that they are counted."""
        await scribe.create(DEVICE)
        call = _call(0, 0, MAIL)._replace(graph=_ELSEWHERE)

        assert await scribe.store.calls.record_calls([(call, 1), (_call(1, 0, MAIL), 1)], START_MS) == [call]
        assert len(_calls(await _pages(scribe.store))) == 1

    async def test_a_process_tells_how_far_it_recorded(self, scribe: Scribe) -> None:
        """What it said before is replaced, but for where it began."""
        await scribe.create(DEVICE)
        await scribe.store.calls.record_span(RecordedSpan(GRAPH, 1, 0, 3, 0), START_MS)
        await scribe.store.calls.record_span(RecordedSpan(GRAPH, 2, 3, 4, 0), START_MS)
        await scribe.store.calls.record_span(RecordedSpan(GRAPH, 1, 3, 9, 7), START_MS)

        assert await scribe.store.calls.recorded_spans(GRAPH) == [
            RecordedSpan(GRAPH, 1, 0, 9, 7),
            RecordedSpan(GRAPH, 2, 3, 4, 0),
        ]

    async def test_erasure_empties_what_calls_named(self, scribe: Scribe) -> None:
        """ID-212: of a profile's calls, and of any call that named its values."""
        mpid, other = await scribe.create(DEVICE, CUSTOMER), await scribe.create(OTHER_DEVICE)
        await scribe.store.calls.record_calls(
            [(_call(2, mpid, DEVICE, MAIL), 1), (_call(2, other, OTHER_DEVICE, OTHER_MAIL, NICKNAME), 1)],
            START_MS,
        )

        await scribe.store.calls.forget_calls(GRAPH, [mpid], [NICKNAME, DEVICE])
        await scribe.erase(mpid)
        await scribe.store.settle()

        first, second = _calls(await _pages(scribe.store))
        assert first.sent == [None, None]
        assert second.sent == [OTHER_DEVICE, OTHER_MAIL, None]

    async def test_erasure_leaves_what_somebody_else_has(self, scribe: Scribe) -> None:
        """A value that a living profile came to hold after it was recorded is not the erased one's alone."""
        mpid, other = await scribe.create(DEVICE), await scribe.create(OTHER_DEVICE)
        await scribe.store.calls.record_calls([(_call(2, mpid, DEVICE, MAIL), 1)], START_MS)
        await scribe.add(other, MAIL)

        await scribe.store.calls.forget_calls(GRAPH, [mpid], [DEVICE])
        await scribe.erase(mpid)
        await scribe.store.settle()

        assert [call.sent for call in _calls(await _pages(scribe.store))] == [[None, MAIL]]

    async def test_an_erased_value_may_be_recorded_anew(self, scribe: Scribe) -> None:
        """Of the old life it stays empty."""
        mpid = await scribe.create(DEVICE)
        await scribe.store.calls.record_calls([(_call(1, mpid, DEVICE, MAIL), 1)], START_MS)
        await scribe.store.calls.forget_calls(GRAPH, [mpid], [])

        await scribe.store.calls.record_calls([(_call(1, mpid, DEVICE, MAIL), 1)], START_MS)

        assert [call.sent for call in _calls(await _pages(scribe.store))] == [[DEVICE, None], [DEVICE, MAIL]]

    async def test_old_calls_are_removed(self, scribe: Scribe) -> None:
        """And their values, and the claim that they were recorded."""
        mpid = await scribe.create(DEVICE)
        for _ in range(3):
            await scribe.create(DEVICE)
        await scribe.store.calls.record_calls([(_call(2, mpid, DEVICE, MAIL), 1)], START_MS)
        await scribe.store.calls.record_calls([(_call(3, mpid, DEVICE, OTHER_MAIL), 1)], START_MS + _DAY_MS)
        await scribe.store.calls.record_span(RecordedSpan(GRAPH, 1, 0, 4, 0), START_MS + _DAY_MS)

        await scribe.store.calls.drop_calls(START_MS + 1)

        pages = await _pages(scribe.store)
        assert [call.sent for call in _calls(pages)] == [[DEVICE, OTHER_MAIL]]
        assert MAIL.value not in {value for page in pages for _, _, value in page.identities}
        assert await scribe.store.calls.recorded_spans(GRAPH) == [RecordedSpan(GRAPH, 1, 2, 4, 0)]

    async def test_calls_written_at_the_same_moment_are_all_kept(self, scribe: Scribe) -> None:
        """Several writers, the same new values."""
        mpid = await scribe.create(DEVICE)
        call = _call(1, mpid, DEVICE, MAIL, NICKNAME)

        await asyncio.gather(*(scribe.store.calls.record_calls([(call, 1)], START_MS) for _ in range(8)))

        told = _calls(await _pages(scribe.store))
        assert [call.sent for call in told] == [[DEVICE, MAIL, NICKNAME]] * 8

    @needs(Capability.RESTART)
    async def test_what_was_recorded_is_there_after_a_restart(self, open_store: OpenStore) -> None:
        store = await open_store()
        try:
            mpid = await Scribe(store).create(DEVICE)
            await store.calls.record_calls([(_call(1, mpid, DEVICE, MAIL), 3)], START_MS)
            await store.calls.record_span(RecordedSpan(GRAPH, 1, 0, 1, 0), START_MS)
            before = _calls(await _pages(store))
        finally:
            await store.close()

        store = await open_store()
        try:
            assert _calls(await _pages(store)) == before != []
            assert await store.calls.recorded_spans(GRAPH) == [RecordedSpan(GRAPH, 1, 0, 1, 0)]
        finally:
            await store.close()


def _call(after_seq: int, mpid: Mpid, *identities: Identity, named: Mpid | None = None) -> RecordedCall:
    return RecordedCall(GRAPH, after_seq, 0, "login", mpid, named, "a/rule", identities)


async def _pages(store: Store, until_seq: int = 1_000) -> list[HistoryPage]:
    until_seq = min(until_seq, await store.last_seq(GRAPH))
    reading = cast("AsyncGenerator[HistoryPage, None]", store.history(GRAPH, until_seq))
    async with aclosing(reading):
        return [page async for page in reading]


def _calls(pages: list[HistoryPage]) -> list[_Told]:
    """Put values for the ids, which came before them."""
    values = {
        number: None if value is None else Identity(IdentityType(kind), value)
        for page in pages
        for number, kind, value in page.identities
    }
    told: list[_Told] = []
    for page in pages:
        for call in page.calls:
            sent = [
                values[item] if isinstance(item, int) else [item[0], *map(values.get, item[1:])]
                for item in orjson.loads(call.body)
            ]
            told.append(_Told(*call[:-1], sent))
    return told
