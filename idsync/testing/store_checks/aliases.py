"""Alias requests: taken, ignored, carried out, and shown on both profiles (ID-186, ID-187, ID-195)."""

from __future__ import annotations

import pytest

from idsync.model.aliasing import AliasRecord, AliasState, AliasTerms
from idsync.model.changes import Stale
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import Change, ChangeKind
from idsync.testing.clock import START_MS, ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL, OTHER_DEVICE, STAMP

__all__ = ["AliasChecks"]

_HOUR_MS = 3_600_000


class AliasChecks:
    """What becomes of an alias request."""

    @pytest.fixture
    async def pair(self, scribe: Scribe) -> tuple[Mpid, Mpid]:
        """Create a source and a destination."""
        return await scribe.create(DEVICE), await scribe.create(MAIL)

    async def test_a_taken_request_waits_until_it_is_due(
        self, scribe: Scribe, pair: tuple[Mpid, Mpid], clock: ManualClock
    ) -> None:
        terms = _terms(*pair, apply_at_ms=START_MS + 24 * _HOUR_MS, stamp=STAMP)
        clock.advance(5)

        await _take(scribe, terms)
        too_early = await scribe.store.pending_aliases(terms.apply_at_ms - 1, 10)
        due = await scribe.store.pending_aliases(terms.apply_at_ms, 10)

        record = AliasRecord(3, terms, AliasState.PENDING, START_MS + 5)
        assert too_early == []
        assert due == [(scribe.graph, record)]
        assert await _shown(scribe, pair[0]) == await _shown(scribe, pair[1]) == (record,)

    async def test_a_view_shows_requests_that_name_a_profile(
        self, scribe: Scribe, pair: tuple[Mpid, Mpid]
    ) -> None:
        """ID-186 judges by them: on either side, in order of arrival."""
        third = await scribe.create(OTHER_DEVICE)
        first_terms, second_terms = _terms(*pair), _terms(pair[0], third)
        await _take(scribe, first_terms)
        await _take(scribe, second_terms)

        view = await scribe.look(profiles=[*pair, third], aliases=True)

        assert [record.terms for record in view.aliases(pair[0])] == [first_terms, second_terms]
        assert [record.terms for record in view.aliases(pair[1])] == [first_terms]
        assert [record.seq for record in view.aliases(third)] == [5]

    async def test_an_ignored_request_never_waits(self, scribe: Scribe, pair: tuple[Mpid, Mpid]) -> None:
        """It is shown with its reason (ID-195)."""
        terms = _terms(*pair)

        await _take(
            scribe,
            terms,
            Change(ChangeKind.ALIAS_IGNORED, pair[0], other=pair[1], reason="source-overlaps"),
        )

        record = AliasRecord(3, terms, AliasState.IGNORED, START_MS, "source-overlaps")
        assert await _shown(scribe, pair[0]) == await _shown(scribe, pair[1]) == (record,)
        assert await scribe.store.pending_aliases(terms.apply_at_ms, 10) == []

    async def test_an_applied_request_waits_no_longer(
        self, scribe: Scribe, pair: tuple[Mpid, Mpid], clock: ManualClock
    ) -> None:
        terms = _terms(*pair)
        await _take(scribe, terms)
        clock.advance(24 * _HOUR_MS)

        await scribe.write(pair[0], Change(ChangeKind.ALIAS_APPLIED, pair[0], other=pair[1], alias_seq=3))

        record = AliasRecord(3, terms, AliasState.APPLIED, START_MS, applied_ms=clock.now_ms)
        assert await _shown(scribe, pair[0]) == await _shown(scribe, pair[1]) == (record,)
        assert await scribe.store.pending_aliases(terms.apply_at_ms, 10) == []

    async def test_a_request_may_be_ignored_later(self, scribe: Scribe, pair: tuple[Mpid, Mpid]) -> None:
        """When one of its profiles was erased before it was due."""
        terms = _terms(*pair)
        await _take(scribe, terms)
        await scribe.erase(pair[1])

        await scribe.write(
            pair[0],
            Change(ChangeKind.ALIAS_IGNORED, pair[0], other=pair[1], alias_seq=3, reason="profile-erased"),
        )

        record = AliasRecord(3, terms, AliasState.IGNORED, START_MS, "profile-erased")
        assert await _shown(scribe, pair[0]) == await _shown(scribe, pair[1]) == (record,)
        assert await scribe.store.pending_aliases(terms.apply_at_ms, 10) == []

    async def test_requests_come_in_order_of_arrival_and_bounded(
        self, scribe: Scribe, pair: tuple[Mpid, Mpid]
    ) -> None:
        """Whichever is due first: what came first was judged first (ID-186)."""
        for apply_at_ms in (START_MS + 2, START_MS + 1, START_MS + 9):
            await _take(scribe, _terms(*pair, apply_at_ms=apply_at_ms))

        due = await scribe.store.pending_aliases(START_MS + 5, 10)
        first = await scribe.store.pending_aliases(START_MS + 9, 2)

        assert [record.seq for _, record in due] == [3, 4]
        assert [record.seq for _, record in first] == [3, 4]

    async def test_requests_of_every_graph_are_found(
        self, scribe: Scribe, pair: tuple[Mpid, Mpid], clock: ManualClock
    ) -> None:
        """In order of arrival over all graphs."""
        elsewhere = Scribe(scribe.store, GraphKey("elsewhere", scribe.graph.environment))
        others = await elsewhere.create(DEVICE), await elsewhere.create(MAIL)
        for writer, terms in ((scribe, _terms(*pair)), (elsewhere, _terms(*others))) * 2:
            clock.advance(1)
            await _take(writer, terms)

        due = await scribe.store.pending_aliases(START_MS + 24 * _HOUR_MS, 10)

        assert [key for key, _ in due] == [scribe.graph, elsewhere.graph] * 2
        assert [record.terms.source for _, record in due] == [pair[0], others[0]] * 2

    async def test_the_journal_finds_the_entry_for_both_profiles(
        self, scribe: Scribe, pair: tuple[Mpid, Mpid]
    ) -> None:
        await _take(scribe, _terms(*pair))

        of_source, of_destination = [await scribe.store.entries(scribe.graph, 2, 10, mpid) for mpid in pair]

        assert [entry.seq for entry in of_source] == [entry.seq for entry in of_destination] == [3]

    @pytest.mark.parametrize("side", [0, 1])
    async def test_taking_a_request_changes_both_profiles(
        self, scribe: Scribe, pair: tuple[Mpid, Mpid], side: int
    ) -> None:
        """Two requests that judge each other's history cannot both be taken unseen (ID-186)."""
        late = await scribe.prepare(pair[side], Change(ChangeKind.ACTIVE, pair[side]), profiles=[pair[side]])
        await _take(scribe, _terms(*pair))

        assert await scribe.apply(late) == [Stale()]

    @pytest.mark.parametrize("side", [0, 1])
    @pytest.mark.parametrize("kind", [ChangeKind.ALIAS_APPLIED, ChangeKind.ALIAS_IGNORED])
    async def test_settling_a_request_changes_both_profiles(
        self, scribe: Scribe, pair: tuple[Mpid, Mpid], kind: ChangeKind, side: int
    ) -> None:
        """Of two that carry out the same request one must look again (ID-187)."""
        await _take(scribe, _terms(*pair))
        late = await scribe.prepare(pair[side], Change(ChangeKind.ACTIVE, pair[side]), profiles=[pair[side]])
        await scribe.write(pair[0], Change(kind, pair[0], other=pair[1], alias_seq=3))

        assert await scribe.apply(late) == [Stale()]

    async def test_a_stamp_is_no_identity_of_the_profile(
        self, scribe: Scribe, pair: tuple[Mpid, Mpid]
    ) -> None:
        """An alias copies data, never identities (ID-189, ID-193)."""
        await _take(scribe, _terms(*pair, stamp=STAMP))

        assert await scribe.holders(STAMP) == []
        assert await scribe.store.find_profiles(scribe.graph, STAMP, 10) == []


def _terms(
    source: Mpid,
    destination: Mpid,
    *,
    apply_at_ms: int = START_MS + 24 * _HOUR_MS,
    stamp: Identity | None = None,
) -> AliasTerms:
    scope = "mpid" if stamp is None else "device"
    return AliasTerms(source, destination, START_MS - _HOUR_MS, START_MS, scope, stamp, apply_at_ms)


async def _take(scribe: Scribe, terms: AliasTerms, *more: Change) -> None:
    taken = Change(ChangeKind.ALIAS_TAKEN, terms.source, terms.stamp, terms.destination, terms)
    await scribe.write(terms.source, taken, *more)


async def _shown(scribe: Scribe, mpid: Mpid) -> tuple[AliasRecord, ...]:
    return (await scribe.store.profiles(scribe.graph, [mpid]))[mpid].aliases
