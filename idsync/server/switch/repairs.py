"""Values that a unique type does not allow: found, planned, and taken off all records but one (ID-039)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from idsync.model.errors import ContentionError, UnavailableError
from idsync.model.identity import Environment, GraphKey, IdentityType
from idsync.model.settings_version import SharedValue
from idsync.resolve.resolver import Resolver
from idsync.store.protocol import Store

__all__ = ["MAX_PLANNED", "Offender", "Offenders", "Repairs"]

MAX_PLANNED: Final = 100
"""Shared values that are shown at once."""
_PAGE: Final = 100
_PAUSE_S: Final = 1.0
"""Between two attempts of a repair that found the store out of reach or profiles that did not keep still."""
_log = structlog.get_logger("idsync.server")


@dataclass(frozen=True, slots=True)
class Offender:
    """A value that is on several records while its type is, or is to be, unique."""

    graph: GraphKey
    shared: SharedValue


@dataclass(frozen=True, slots=True)
class Offenders:
    """Some of the offenders, and how many there are."""

    shown: tuple[Offender, ...]
    total: int


class Repairs:
    """Looks for offenders and repairs them, over any store.

    Args:
        pause_s: How long a repair waits before it tries again, in seconds.
    """

    def __init__(self, store: Store, resolver: Resolver, pause_s: float = _PAUSE_S) -> None:
        self._store = store
        self._resolver = resolver
        self._pause_s = pause_s

    async def count(self, scope: str, types: Iterable[IdentityType]) -> int:
        """Count the values of these types that are on several records, in all environments."""
        return sum([await self._store.count_shared(graph, t) for graph, t in places(scope, types)])

    async def look(self, scope: str, types: Iterable[IdentityType], most: int = MAX_PLANNED) -> Offenders:
        """Name the first offenders, and count them all."""
        types = tuple(types)
        shown: list[Offender] = []
        for graph, t in places(scope, types):
            if len(shown) < most:
                values = await self._store.shared_values(graph, t, most - len(shown))
                shown += [Offender(graph, shared) for shared in values]
        total = len(shown) if len(shown) < most else await self.count(scope, types)
        return Offenders(tuple(shown), total)

    async def carry_out(
        self, scope: str, types: Iterable[IdentityType], author: str, most: int | None = None
    ) -> int:
        """Repair what is found, in one walk; each value is a journal entry of its own, or several.

        Args:
            scope: Its settings must make the types unique already, so that nothing new comes meanwhile.
            types: Those to go through.
            author: Whose entries they are.
            most: How many entries at most; `None`: all it takes.

        Returns:
            How many entries were written.

        Raises:
            ContentionError, UnavailableError: As for `Resolver.resolve`; what was written stays.
        """
        written = 0
        async for found in self._walk(scope, types):
            offender: Offender | None = found
            while offender is not None:
                if most is not None and written >= most:
                    return written
                seq = await self._resolver.repair(offender.graph, offender.shared, author)
                written += seq > 0
                offender = await self._rest(offender) if seq else None
        return written

    async def finish(self, scope: str, types: Iterable[IdentityType], author: str) -> int:
        """Repair until a look finds nothing, however long that takes; gives the number of entries."""
        types = tuple(types)
        written = 0
        while True:
            try:
                written += await self.carry_out(scope, types, author)
                if not await self.count(scope, types):
                    return written
            except ContentionError:
                pass
            except UnavailableError as error:
                _log.warning("repair_waits", scope=scope, detail=error.message)
            await asyncio.sleep(self._pause_s)

    async def _walk(self, scope: str, types: Iterable[IdentityType]) -> AsyncIterator[Offender]:
        for graph, t in places(scope, types):
            after = 0
            while page := await self._store.shared_values(graph, t, _PAGE, after):
                for shared in page:
                    yield Offender(graph, shared)
                after = page[-1].identity_id

    async def _rest(self, offender: Offender) -> Offender | None:
        """Look again at a value that has more holders than one entry changes."""
        shared = offender.shared
        if shared.holders <= len(shared.mpids):
            return None
        after = shared.identity_id - 1
        page = await self._store.shared_values(offender.graph, shared.identity.type, 1, after)
        is_it = bool(page) and page[0].identity_id == shared.identity_id
        return Offender(offender.graph, page[0]) if is_it else None


def places(scope: str, types: Iterable[IdentityType]) -> list[tuple[GraphKey, IdentityType]]:
    """Name the graphs of a scope with each of these types."""
    return [(GraphKey(scope, environment), t) for t in sorted(types) for environment in Environment]
