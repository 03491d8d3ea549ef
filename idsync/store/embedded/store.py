"""The embedded store: reads on the loop, commits to the log, tables folded behind it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar, cast

import structlog

from idsync.model.aliasing import AliasRecord
from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.erasure import Traces
from idsync.model.errors import StoreError, UnavailableError
from idsync.model.flag import Flag, Flagged
from idsync.model.identity import GraphKey, Identity, Mpid, TypeSet
from idsync.model.journal import JournalEntry
from idsync.model.moment import Moment
from idsync.model.profile import Link, Profile
from idsync.model.recording import HistoryPage, RecordedCall, RecordedSpan
from idsync.model.standing import Newcomer, Standing, Unchanged
from idsync.model.view import GraphView, ViewRequest
from idsync.store.birth import Birth
from idsync.store.embedded.committer import Committer
from idsync.store.embedded.fold_runner import FoldRunner
from idsync.store.embedded.group import Group
from idsync.store.embedded.inspection import Inspection
from idsync.store.embedded.loader import Loader, digest
from idsync.store.embedded.log import Log, log_path
from idsync.store.embedded.membership_reader import MembershipReader
from idsync.store.embedded.newborns import Newborn
from idsync.store.embedded.overlay import Overlay
from idsync.store.rows import StoredEntry

__all__ = ["MAX_UNFOLDED", "EmbeddedStore"]

MAX_UNFOLDED: Final = 500_000
"""Entries that may wait for the fold, and in memory for the tables; further ones are refused."""
_SETTLE_S: Final = 10.0
_log = structlog.get_logger("idsync.store")

W = TypeVar("W", ChangeSet, Newcomer)


class EmbeddedStore:
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
        self._folds = FoldRunner(database, position, self._on_folded)
        self._inspection = Inspection(database)
        self._unfolded: deque[Group] = deque()
        self._unfolded_entries = 0
        self._is_void = False
        self._grown = asyncio.Event()
        # a second writer to the tables would only wait for the file
        self._recording = asyncio.Lock()

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

    # -- inspection: over the tables, once they contain everything acknowledged ---------------------------

    async def graph_of(self, mpids: Collection[Mpid]) -> dict[Mpid, GraphKey]:
        """Look into memory, then into the directory."""
        await self._committer.settle()
        return self._overlay.graph_of(mpids)

    async def profiles(self, graph: GraphKey, mpids: Collection[Mpid]) -> dict[Mpid, Profile]:
        """Show profiles whole."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.profiles(graph, mpids)

    async def find_profiles(
        self, graph: GraphKey, identity: Identity, limit: int, before: int | None = None
    ) -> list[Mpid]:
        """List holders, newest first."""
        identity_id = await self._identity_id(graph, identity)
        tables = await self._inspection.tables()
        return await tables.find_profiles(graph, identity_id, limit, before)

    async def links_of(self, graph: GraphKey, identity: Identity, limit: int, after: int = 0) -> list[Link]:
        """List the links of an identity, past ones too."""
        identity_id = await self._identity_id(graph, identity)
        tables = await self._inspection.tables()
        return await tables.links_of(graph, identity_id, limit, after)

    async def last_seq(self, graph: GraphKey) -> int:
        """Give the position of the last entry."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.last_seq(graph)

    async def profiles_at(
        self, graph: GraphKey, mpids: Collection[Mpid], moment: Moment
    ) -> dict[Mpid, Profile]:
        """Show profiles as they were."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.profiles_at(graph, mpids, moment)

    async def find_profiles_at(
        self, graph: GraphKey, identity: Identity, moment: Moment, limit: int, before: Mpid | None = None
    ) -> list[Mpid]:
        """List who held it then."""
        identity_id = await self._identity_id(graph, identity)
        tables = await self._inspection.tables()
        return await tables.find_profiles_at(graph, identity_id, moment, limit, before)

    async def _identity_id(self, graph: GraphKey, identity: Identity) -> int | None:
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.identity_id(graph, digest(identity.value.encode()), identity)

    async def pending_aliases(self, due_ms: int, limit: int) -> list[tuple[GraphKey, AliasRecord]]:
        """List what is due."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.pending_aliases(due_ms, limit)

    async def inactive_profiles(self, graph: GraphKey, before_ms: int, limit: int) -> list[Mpid]:
        """List live profiles without recorded activity."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.inactive_profiles(graph, before_ms, limit)

    async def shared_values(self, graph: GraphKey, identity_type: int, limit: int) -> list[list[Mpid]]:
        """List holders of values on more than one record."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.shared_values(graph, identity_type, limit)

    async def flagged(
        self, graph: GraphKey, flags: Collection[Flag], limit: int, after: int = 0
    ) -> list[Flagged]:
        """List values with flags."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.flagged(graph, flags, limit, after)

    async def watched_to(self, graph: GraphKey, limits: str) -> int:
        """Give the radar's place."""
        tables = await self._inspection.tables()
        return await tables.watched_to(graph, limits)

    async def note_watched(self, graph: GraphKey, limits: str, seq: int) -> None:
        """Keep the radar's place."""
        tables = await self._inspection.tables()
        async with self._recording:
            with _unavailable_if_refused():
                await tables.note_watched(graph, limits, seq)

    async def graphs(self) -> list[GraphKey]:
        """List the graphs that have entries."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.graphs()

    async def entries(
        self, graph: GraphKey, after: int, limit: int, mpid: Mpid | None = None
    ) -> list[JournalEntry]:
        """Read on from a position."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.entries(graph, after, limit, mpid)

    async def entries_at(self, graph: GraphKey, seqs: Collection[int]) -> dict[int, JournalEntry]:
        """Pick entries."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.entries_at(graph, seqs)

    async def entries_of_request(self, graph: GraphKey, request_id: str, limit: int) -> list[JournalEntry]:
        """Find entries by request id."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.entries_of_request(graph, request_id, limit)

    async def traces(self, graph: GraphKey, mpids: Collection[Mpid]) -> Traces:
        """Collect all that is kept of profiles."""
        await self.settle()
        tables = await self._inspection.tables()
        return await tables.traces(graph, mpids)

    async def link_at(self, graph: GraphKey, seq: int) -> bytes:
        """Give a link of the chain; the fold has sealed it."""
        await self.settle()
        tables = await self._inspection.tables()
        link = await tables.link_at(graph, seq)
        if link is None:
            raise StoreError(f"the chain of the journal lacks its link at entry {seq}")
        return link

    async def seal(self) -> None:
        """Entries are sealed by the fold."""

    async def changes(self, graph: GraphKey, after: int) -> AsyncIterator[JournalEntry]:
        """Follow the journal: what the tables contain, then whatever becomes durable."""
        while True:
            grown = self._grown
            entries = await self.entries(graph, after, _WATCH_PAGE)
            for entry in entries:
                after = entry.seq
                yield entry
            if not entries:
                await grown.wait()

    # -- the record of calls -------------------------------------------------------------------------------

    async def record_calls(self, calls: Sequence[tuple[RecordedCall, int]], at_ms: int) -> list[RecordedCall]:
        """Write calls; the fold comes first, so that as few values as possible are unknown."""
        await self.settle()
        tables = await self._inspection.tables()
        async with self._recording:
            with _unavailable_if_refused():
                return await tables.record_calls(calls, at_ms)

    async def record_span(self, span: RecordedSpan, at_ms: int) -> None:
        """Write how far this process has recorded a graph."""
        await self.settle()
        tables = await self._inspection.tables()
        async with self._recording:
            with _unavailable_if_refused():
                await tables.record_span(span, at_ms)

    async def recorded_spans(self, graph: GraphKey) -> list[RecordedSpan]:
        """List which entries calls were recorded at."""
        tables = await self._inspection.tables()
        return await tables.recorded_spans(graph)

    async def forget_calls(
        self, graph: GraphKey, mpids: Collection[Mpid], values: Collection[Identity]
    ) -> None:
        """Empty what was recorded of a profile."""
        await self.settle()
        tables = await self._inspection.tables()
        async with self._recording:
            with _unavailable_if_refused():
                await tables.forget_calls(graph, mpids, values)

    async def drop_calls(self, before_ms: int) -> None:
        """Remove what is older."""
        tables = await self._inspection.tables()
        async with self._recording:
            with _unavailable_if_refused():
                await tables.drop_calls(before_ms)

    async def history(self, graph: GraphKey, until_seq: int) -> AsyncIterator[HistoryPage]:
        """Read the journal and the recorded calls in order."""
        await self.settle()
        tables = await self._inspection.tables()
        async for page in tables.history(graph, until_seq):
            yield page

    @property
    def history_url(self) -> str | None:
        """Name the file of the tables."""
        return f"sqlite:///{self._database.absolute()}"

    # -- life ----------------------------------------------------------------------------------------------

    async def configuration(self, scope: str) -> tuple[int, str, int, str] | None:
        """Give the newest configuration version."""
        return self._loader.configuration(scope)

    async def add_configuration(self, scope: str, author: str, at_ms: int, settings: str) -> int:
        """Record a configuration version."""
        tables = await self._inspection.tables()
        return await tables.add_configuration(scope, author, at_ms, settings)

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
        await self._membership.close()
        if not await asyncio.to_thread(self._log.close):
            _log.error("store_left_open")
        await self._inspection.close()
        self._loader.close()
        os.close(lock)


_PAGE_CACHE_BYTES: Final = 64 * 1_024 * 1_024
_WATCH_PAGE: Final = 1_000


@contextmanager
def _unavailable_if_refused() -> Iterator[None]:
    """Turn what the database says against a write into an error of ours."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - loaded already, by what was about to write

    try:
        yield
    except DBAPIError as error:
        raise UnavailableError("the store cannot write what was recorded") from error
