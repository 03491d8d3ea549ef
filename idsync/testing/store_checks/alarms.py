"""Alarms of the radar: raised once by whoever sees it first, ended when it has fallen, on every store."""

from __future__ import annotations

import asyncio
from typing import Final

from idsync.model.flag import ALARMS, Flag, Flagged
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import Change, ChangeKind, JournalEntry
from idsync.model.policy import Policy
from idsync.model.quarantine import QuarantineRequest
from idsync.model.radar_limits import RadarLimits
from idsync.resolve.radar import Radar
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.watch import Watch
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import DEVICE, OTHER_DEVICE, numbered

__all__ = ["AlarmChecks"]

_C, _V = IdentityType.CUSTOMERID, IdentityType.IOS_IDFV
_POLICY = Policy("profile_conversion", (_C, _V), login=frozenset({_C}), unique=frozenset({_C}))
_DAY_MS: Final = 86_400_000
_ALL: Final = 1_000


def _scopes() -> dict[str, Scope]:
    return {GRAPH.scope: Scope(_POLICY, load_strategies([_POLICY.strategy])[_POLICY.strategy])}


def _resolver(store: Store, clock: ManualClock) -> Resolver:
    return Resolver(store, _scopes(), clock)


def _watch(store: Store, clock: ManualClock, limits: RadarLimits) -> Watch:
    return Watch(store, _resolver(store, clock), Radar(store, clock), _scopes(), limits)


async def _caught_up(watch: Watch) -> None:
    while await watch.look():
        pass
    await watch.review()


async def _of(store: Store, *causes: str) -> list[JournalEntry]:
    return [entry for entry in await store.entries(GRAPH, 0, _ALL) if entry.cause in causes]


async def _people(scribe: Scribe, first: int, last: int, *identities: Identity) -> list[Mpid]:
    return [await scribe.create(numbered(_C, number), *identities) for number in range(first, last + 1)]


class AlarmChecks:
    """What the watch writes, and where it goes on."""

    async def test_a_value_that_crosses_a_limit_raises_one_alarm(
        self, store: Store, clock: ManualClock
    ) -> None:
        """The entry names the value, the limit and the figures; at the limit it is none."""
        scribe = Scribe(store, login=_POLICY.login_set)
        limits = RadarLimits(max_known={_V: 3})
        watch = _watch(store, clock, limits)
        await _people(scribe, 1, 3, DEVICE)
        await scribe.create(DEVICE)
        await _people(scribe, 4, 4, OTHER_DEVICE)
        await _caught_up(watch)
        at_limit = await _of(store, "alarm")
        await _people(scribe, 5, 6, DEVICE)
        await _caught_up(watch)
        again = _watch(store, clock, limits)
        await _people(scribe, 7, 7, DEVICE)
        await _caught_up(again)

        [entry] = await _of(store, "alarm")
        assert at_limit == []
        assert (entry.rule, entry.input_id, entry.mpid) == ("alarm/raised", "", 0)
        assert entry.changes == (
            Change(
                ChangeKind.ALARM_RAISED,
                0,
                DEVICE,
                alias_seq=Flag.MANY_KNOWN,
                reason="5 known, 1 anonymous, limit 3",
            ),
        )
        assert await store.flagged(GRAPH, ALARMS, _ALL) == [Flagged(entry.seq, DEVICE, Flag.MANY_KNOWN)]
        for each in (watch, again):
            assert dict(each.standing) == {(GRAPH.scope, _V, Flag.MANY_KNOWN): 1}

    async def test_whoever_becomes_known_counts(self, store: Store, clock: ManualClock) -> None:
        """Nothing was added to the value itself (ID-008)."""
        scribe = Scribe(store, login=_POLICY.login_set)
        watch = _watch(store, clock, RadarLimits(max_known={_V: 1}))
        mpids = [await scribe.create(DEVICE) for _ in range(2)]
        await _caught_up(watch)
        for number, mpid in enumerate(mpids):
            await scribe.write(
                mpid,
                Change(ChangeKind.IDENTITY_ADDED, mpid, numbered(_C, number)),
                Change(ChangeKind.BECAME_KNOWN, mpid),
            )

        await _caught_up(watch)

        assert [each.identity for each in await store.flagged(GRAPH, ALARMS, _ALL)] == [DEVICE]

    async def test_an_alarm_ends_when_the_value_has_fallen(self, store: Store, clock: ManualClock) -> None:
        """And is raised again when it rises again."""
        scribe = Scribe(store, login=_POLICY.login_set)
        watch = _watch(store, clock, RadarLimits(max_records={_V: 2}))
        mpids = await _people(scribe, 1, 3, DEVICE)
        await _caught_up(watch)
        await _resolver(store, clock).delete(GRAPH, mpids[0])
        await _caught_up(watch)
        ended = await store.flagged(GRAPH, ALARMS, _ALL)
        await _people(scribe, 4, 4, DEVICE)
        await _caught_up(watch)

        assert ended == []
        assert [entry.rule for entry in await _of(store, "alarm")] == [
            "alarm/raised",
            "alarm/ended",
            "alarm/raised",
        ]
        assert dict(watch.standing) == {(GRAPH.scope, _V, Flag.MANY_RECORDS): 1}

    async def test_growth_is_of_the_last_day(self, store: Store, clock: ManualClock) -> None:
        scribe = Scribe(store, login=_POLICY.login_set)
        watch = _watch(store, clock, RadarLimits(max_growth_per_day={_V: 2}))
        await _people(scribe, 1, 2, DEVICE)
        clock.advance(_DAY_MS + 1)
        await _people(scribe, 3, 4, DEVICE)
        await _caught_up(watch)
        slow = await _of(store, "alarm")
        await _people(scribe, 5, 5, DEVICE)
        await _caught_up(watch)
        fast = await store.flagged(GRAPH, ALARMS, _ALL)
        clock.advance(_DAY_MS + 1)
        await _caught_up(watch)

        raised, ended = await _of(store, "alarm")
        assert slow == []
        assert [each.flag for each in fast] == [Flag.FAST_GROWTH]
        assert raised.changes[0].reason == "3 within 24 h, limit 2"
        assert ended.changes[0].reason == "0 within 24 h, limit 2"

    async def test_the_watch_goes_on_where_it_was(self, store: Store, clock: ManualClock) -> None:
        """By other limits it looks at everything again, and what has none any more ends."""
        scribe = Scribe(store, login=_POLICY.login_set)
        await _people(scribe, 1, 3, DEVICE)
        few, many = RadarLimits(max_known={_V: 2}), RadarLimits(max_known={_V: 5}, max_records={_V: 1})
        await _caught_up(_watch(store, clock, many))
        kept = await store.watched_to(GRAPH, many.wording)
        unknown = await store.watched_to(GRAPH, few.wording)
        read_again = await _watch(store, clock, many).look()
        of_many = await store.flagged(GRAPH, ALARMS, _ALL)
        await _caught_up(_watch(store, clock, few))
        of_few = await store.flagged(GRAPH, ALARMS, _ALL)

        assert kept == 4, "its own entry is read like any other"
        assert unknown == 0
        assert read_again == 0
        assert [each.flag for each in of_many] == [Flag.MANY_RECORDS]
        assert [each.flag for each in of_few] == [Flag.MANY_KNOWN]

    async def test_of_many_who_watch_one_raises_it(self, store: Store, clock: ManualClock) -> None:
        scribe = Scribe(store, login=_POLICY.login_set)
        await _people(scribe, 1, 3, DEVICE)
        watches = [_watch(store, clock, RadarLimits(max_known={_V: 2})) for _ in range(4)]

        await asyncio.gather(*(_caught_up(watch) for watch in watches))

        assert len(await _of(store, "alarm")) == 1

    async def test_an_alarm_may_quarantine(self, store: Store, clock: ManualClock) -> None:
        """In one entry; what an operator then releases stays released as long as the alarm stands."""
        scribe = Scribe(store, login=_POLICY.login_set)
        watch = _watch(store, clock, RadarLimits(max_known={_V: 2}, quarantine=True))
        await _people(scribe, 1, 3, DEVICE)
        await _caught_up(watch)
        quarantined = dict((await scribe.look(DEVICE)).flags(DEVICE))
        await _resolver(store, clock).quarantine(QuarantineRequest(GRAPH, DEVICE, release=True))
        await _people(scribe, 4, 4, DEVICE)
        await _caught_up(watch)

        [entry] = await _of(store, "alarm")
        assert [c.kind for c in entry.changes] == [ChangeKind.ALARM_RAISED, ChangeKind.QUARANTINED]
        assert quarantined == {Flag.MANY_KNOWN: entry.seq, Flag.QUARANTINE: entry.seq}
        assert await store.flagged(GRAPH, {Flag.QUARANTINE}, _ALL) == []
