"""The embedded store: reads on the loop, commits to the log, tables folded behind it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar, cast

import orjson
import structlog

from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.errors import UnavailableError
from idsync.model.identity import GraphKey, TypeSet
from idsync.model.standing import Newcomer, Standing, Unchanged
from idsync.model.view import GraphView, ViewRequest
from idsync.store.birth import Birth
from idsync.store.embedded.call_record import EmbeddedCallRecord
from idsync.store.embedded.committer import Committer
from idsync.store.embedded.fold_runner import FoldRunner
from idsync.store.embedded.group import Group
from idsync.store.embedded.inspection import Inspection
from idsync.store.embedded.loader import Loader
from idsync.store.embedded.log import Log, log_path
from idsync.store.embedded.membership_reader import MembershipReader
from idsync.store.embedded.newborns import Newborn
from idsync.store.embedded.overlay import Overlay
from idsync.store.embedded.queries import Queries
from idsync.store.embedded.table_writer import TableWriter
from idsync.store.rows import StoredEntry

__all__ = ["MAX_UNFOLDED", "EmbeddedStore"]

MAX_UNFOLDED: Final = 500_000
"""Entries that may wait for the fold, and in memory for the tables; further ones are refused."""
_SETTLE_S: Final = 10.0
_log = structlog.get_logger("idsync.store")

W = TypeVar("W", ChangeSet, Newcomer)


class EmbeddedStore(Queries):
    """Implements `idsync.store.protocol.Store` over one SQLite file, its log, and one process.

    Args:
        database: The tables' file, of the current schema, with everything of the log folded.
        lock: The descriptor that holds the store for this process.
        clock: Gives the time in UTC milliseconds.
        cache_identities: How many identities stay in memory.
        login_sets: Login types by scope name, so that holders are parted right from the start.
        position: The row of the log that the tables contain.
    """

    answers_at_once = True

    def __init__(
        self,
        database: Path,
        lock: int,
        *,
        clock: Callable[[], int],
        cache_identities: int,
        login_sets: Mapping[str, TypeSet],
        position: int,
    ) -> None:
        self._lock: int | None = lock
        self._database = database
        self._log = Log(log_path(database))
        self._loader = Loader(database, page_cache_bytes=_PAGE_CACHE_BYTES)
        self._overlay = Overlay(
            self._loader, clock=clock, cache_identities=cache_identities, login_sets=login_sets
        )
        self._membership = MembershipReader(database, self._overlay.memberships())
        self._committer = Committer(self._log, self._on_durable, self._on_failed)
        self._writer = TableWriter(database)
        self._folds = FoldRunner(self._writer, position, self._on_folded)
        self._inspection = Inspection(database)
        self.calls = EmbeddedCallRecord(self._overlay, self._writer, self._inspection, self._settle_anew)
        self._unfolded: deque[Group] = deque()
        self._unfolded_entries = 0
        self._is_void = False
        self._grown = asyncio.Event()

    # -- the hot path --------------------------------------------------------------------------------------

    async def read_views(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        """Look at resident nodes, after reading what is missing for all requests together."""
        if self._is_void:
            self._rebuild()
        try:
            return self._overlay.views(wanted)
        except sqlite3.Error as error:
            raise UnavailableError("the store cannot be read") from error

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        """Stage change sets in memory at once; they are durable with the group they join."""
        results: list[Applied | Stale] = []
        for change_set in changes:
            if in_order and results and isinstance(results[-1], Stale):
                results.append(Stale())
            else:
                results.append(self._apply(change_set))
        return results

    def _apply(self, change_set: ChangeSet) -> Applied | Stale:
        if self._is_void:
            self._rebuild()
        try:
            if not self._overlay.holds(change_set):
                return Stale()
        except sqlite3.Error as error:
            raise UnavailableError("the store cannot be read") from error
        if not change_set.changes:
            return Applied(change_set.mpid, 0, self._durable_after(self._overlay.rests_on(change_set)))
        return self._write(change_set, self._overlay.stage)

    def _durable_after(self, number: int) -> Awaitable[None] | None:
        return self._committer.durable_after(number) if number else None

    def _write(self, what: W, stage: Callable[[W, Group], StoredEntry | Birth]) -> Applied:
        if self._unfolded_entries >= MAX_UNFOLDED:
            raise UnavailableError("the tables are too far behind the log; nothing was changed")
        group = self._committer.group()
        try:
            entry = stage(what, group)
        except Exception as error:
            # half-staged: what is left of it must not be seen
            self._on_failed()
            if isinstance(error, sqlite3.Error):
                raise UnavailableError("the store cannot be read") from error
            raise
        return Applied(entry.mpid, entry.seq, group.durable)

    def stands(self, conditions: ChangeSet | Unchanged) -> bool:
        """Compare the conditions with what is resident."""
        if isinstance(conditions, Newborn):
            again = self.vouch(conditions)
            return again is not None and again.durable is None
        change_set = cast("ChangeSet", conditions)
        try:
            if not self._overlay.holds(change_set):
                return False
        except sqlite3.Error:
            return False
        return self._durable_after(self._overlay.rests_on(change_set)) is None

    # -- the shorter path, for who is new or comes back as he was ------------------------------------------

    def standing(self, wanted: ViewRequest) -> Standing | None:
        """Look whether nobody has the values, or one birth brought just these."""
        if self._is_void:
            self._rebuild()
        try:
            return self._overlay.standing(wanted)
        except sqlite3.Error as error:
            raise UnavailableError("the store cannot be read") from error

    def welcome(self, newcomer: Newcomer) -> Applied:
        """Stage a birth; it is durable with the group it joins."""
        return self._write(newcomer, self._overlay.welcome)

    def vouch(self, profile: Unchanged) -> Applied | None:
        """Look whether a birth is still no more than that."""
        born = cast("Newborn", profile)
        if self._is_void or not born.is_resident:
            return None
        return Applied(born.mpid, 0, self._durable_after(self._overlay.newest(born.group)))

    def _on_durable(self, group: Group) -> None:
        self._unfolded.append(group)
        self._unfolded_entries += len(group.entries)
        self._folds.grown(group.log_id, len(group.entries))
        self._grown.set()
        self._grown = asyncio.Event()

    def _on_failed(self) -> None:
        """Forget what is void; if the tables cannot be read now, nobody is answered before they can be."""
        with suppress(UnavailableError):
            self._rebuild()

    def _rebuild(self) -> None:
        self._is_void = True
        try:
            self._overlay.rebuild([*self._unfolded, *self._committer.open_groups()])
        except sqlite3.Error as error:
            raise UnavailableError("the store cannot be read") from error
        self._is_void = False

    def _on_folded(self, position: int) -> None:
        number = 0
        while self._unfolded and self._unfolded[0].log_id <= position:
            group = self._unfolded.popleft()
            self._unfolded_entries -= len(group.entries)
            number = group.number
        if number:
            self._overlay.folded(number)
            self._log.forget(position)

    # -- life ----------------------------------------------------------------------------------------------

    async def note_watched(self, graph: GraphKey, limits: str, seq: int) -> None:
        """Keep the radar's place, written where the fold writes."""
        found = self._overlay.begun(graph)
        if found is not None:
            await self._writer.write(orjson.dumps(("watched", found.graph_id, limits, seq)), 1)

    async def seal(self) -> None:
        """Entries are sealed by the fold."""

    async def settle(self) -> None:
        """Return when everything applied so far is on disk and in the tables.

        Raises:
            UnavailableError: That cannot be had now.
        """
        await self._committer.settle()
        try:
            async with asyncio.timeout(_SETTLE_S):
                await self._folds.settle()
        except TimeoutError:
            raise UnavailableError("the tables are too far behind the log") from None

    async def _settle_anew(self) -> None:
        """Settle, with nothing in memory that is void."""
        if self._is_void:
            self._rebuild()
        await self.settle()

    async def membership_is_read(self) -> None:
        """Return when the digests of all identities are in memory, or when reading them failed."""
        await asyncio.shield(self._membership.done)

    async def close(self) -> None:
        """Bring what is gathered to disk, then let go."""
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        # what is on disk is folded at the next start; the rest was never acknowledged
        with suppress(UnavailableError):
            await self.settle()
        self._committer.close()
        await self._folds.close()
        await self._writer.close()
        await self._membership.close()
        if not await asyncio.to_thread(self._log.close):
            _log.error("store_left_open")
        await self._inspection.close()
        self._loader.close()
        os.close(lock)


_PAGE_CACHE_BYTES: Final = 64 * 1_024 * 1_024
