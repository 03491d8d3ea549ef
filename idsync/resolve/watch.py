"""The watch of the radar: follows the journal and raises an alarm about what crosses a limit.

It reads what was committed, behind the calls. Its place in each journal is kept, so that a restart goes on
where it was; by limits that were changed it watches from the first entry again. What was raised already is a
flag of the value, so nothing is raised twice, by however many nodes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

from idsync.model.flag import ALARMS, Flag
from idsync.model.identity import GraphKey, Identity, IdentityType
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.radar_limits import RadarLimits
from idsync.model.view import ViewRequest
from idsync.resolve.radar import Radar
from idsync.resolve.resolver import Resolver, Scope
from idsync.resolve.steps.alarming import AlarmOrder, is_above
from idsync.store.protocol import Store

__all__ = ["DAY_MS", "MAX_REVIEWED", "Watch"]

DAY_MS: Final = 86_400_000
MAX_REVIEWED: Final = 10_000
"""Alarms of one graph that are looked at again; later ones stand until there are fewer."""
_PAGE: Final = 500
_COUNTED_AT_ONCE: Final = 100
_OUT_OF_REACH: Final = 2**63
_log = structlog.get_logger("idsync.radar")


class Watch:
    """Watches all graphs of a store.

    Args:
        store: Where they live.
        resolver: Writes the alarms.
        radar: Counts growth.
        scopes: Settings by scope name.
        limits: What raises an alarm; the same for all scopes.

    Attributes:
        standing: Alarms that stand, by scope, type and limit, as of the last review.
    """

    def __init__(
        self, store: Store, resolver: Resolver, radar: Radar, scopes: Mapping[str, Scope], limits: RadarLimits
    ) -> None:
        self._store = store
        self._resolver = resolver
        self._radar = radar
        self._scopes = scopes
        self._limits = limits
        self._at: dict[GraphKey, int] = {}
        self.standing: Counter[tuple[str, IdentityType, Flag]] = Counter()

    async def look(self) -> int:
        """Read on in every journal, a page of each; gives how many entries were read."""
        read = 0
        for graph in await self._graphs():
            at = self._at.get(graph)
            if at is None:
                at = await self._store.watched_to(graph, self._limits.wording)
            entries = await self._store.entries(graph, at, _PAGE)
            if entries:
                await self._watch(graph, await self._grown(graph, entries))
                at = entries[-1].seq
                await self._store.note_watched(graph, self._limits.wording, at)
            self._at[graph] = at
            read += len(entries)
            # what is far behind reads page after page, and calls come in between
            await asyncio.sleep(0)
        return read

    async def review(self) -> None:
        """End the alarms of values that are below their limit again, and count those that stand."""
        standing: Counter[tuple[str, IdentityType, Flag]] = Counter()
        for graph in await self._graphs():
            after = 0
            for _ in range(0, MAX_REVIEWED, _PAGE):
                found = await self._store.flagged(graph, ALARMS, _PAGE, after)
                if not found:
                    break
                after = found[-1].seq
                await self._watch(graph, dict.fromkeys(each.identity for each in found))
            after = 0
            for _ in range(0, MAX_REVIEWED, _PAGE):
                found = await self._store.flagged(graph, ALARMS, _PAGE, after)
                if not found:
                    break
                after = found[-1].seq
                standing.update((graph.scope, each.identity.type, each.flag) for each in found)
        self.standing = standing

    async def _graphs(self) -> list[GraphKey]:
        return [graph for graph in await self._store.graphs() if graph.scope in self._scopes]

    async def _grown(self, graph: GraphKey, entries: Sequence[JournalEntry]) -> dict[Identity, None]:
        """Name the watched values that got a holder, or of which a holder became known."""
        types = self._limits.types
        named: dict[Identity, None] = {}
        known = set()
        for entry in entries:
            for change in entry.changes:
                if change.kind is ChangeKind.IDENTITY_ADDED:
                    identity = change.identity
                    if identity is not None and identity.value and identity.type in types:
                        named[identity] = None
                elif change.kind is ChangeKind.BECAME_KNOWN:
                    known.add(change.mpid)
        for profile in (await self._store.profiles(graph, known)).values():
            for recorded in profile.identities:
                if recorded.identity.type in types:
                    named[recorded.identity] = None
        return named

    async def _watch(self, graph: GraphKey, identities: Iterable[Identity]) -> None:
        """Raise or end what is due about some values."""
        login = self._scopes[graph.scope].policy.login_set
        named = list(identities)
        for begin in range(0, len(named), _COUNTED_AT_ONCE):
            some = named[begin : begin + _COUNTED_AT_ONCE]
            [view] = await self._store.read_views([ViewRequest(graph, login, some)])
            counts = {}
            for identity in some:
                holders = view.holders(identity)
                if holders is not None:
                    counts[identity] = len(holders.known), len(holders.anonymous), dict(view.flags(identity))
            growing = [i for i, (*held, flags) in counts.items() if self._may_grow(i, sum(held), flags)]
            growth = await self._radar.growth_of(graph, growing, DAY_MS) if growing else {}
            for identity, (known, anonymous, flags) in counts.items():
                added = growth[identity].added if identity in growth else 0
                for flag, most in self._watched(identity.type, flags):
                    if is_above(flag, most, known, anonymous, added) is not (flag in flags):
                        quarantine = self._limits.quarantine
                        await self._order(AlarmOrder(graph, identity, flag, most, added, quarantine))

    def _watched(self, identity_type: IdentityType, flags: Iterable[Flag]) -> list[tuple[Flag, int]]:
        """Give the limits of a type; one that was taken away is out of reach, so that its alarm ends."""
        gone = dict.fromkeys(ALARMS.intersection(flags), _OUT_OF_REACH)
        return sorted({**gone, **dict(self._limits.of(identity_type))}.items())

    def _may_grow(self, identity: Identity, held: int, flags: Iterable[Flag]) -> bool:
        """Say whether growth must be counted: not of what has fewer holders than may come in a day."""
        most = self._limits.max_growth_per_day.get(identity.type)
        return most is not None and (held > most or Flag.FAST_GROWTH in flags)

    async def _order(self, order: AlarmOrder) -> None:
        seq = await self._resolver.alarm(order)
        if seq:
            _log.warning(
                "radar_alarm",
                scope=order.graph.scope,
                environment=order.graph.environment.name.lower(),
                identity_type=order.identity.type.wire_name,
                limit=order.flag.name.lower(),
                most=order.most,
                journal_seq=seq,
            )
