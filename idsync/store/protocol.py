"""The store, as the resolver and the readers of the journal need it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

from idsync.model.aliasing import AliasRecord
from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.erasure import Traces
from idsync.model.flag import Flag, Flagged
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import JournalEntry
from idsync.model.moment import Moment
from idsync.model.profile import Link, Profile
from idsync.model.recording import HistoryPage, RecordedCall, RecordedSpan
from idsync.model.standing import Newcomer, Standing, Unchanged
from idsync.model.view import GraphView, ViewRequest

__all__ = ["CallRecord", "ImmediateStore", "Store"]


class CallRecord(Protocol):
    """The record of calls that a store keeps beside its journal; it fails as the store does."""

    async def record_calls(self, calls: Sequence[tuple[RecordedCall, int]], at_ms: int) -> list[RecordedCall]:
        """Write calls, each with how many there were of its kind.

        Returns:
            Those that cannot be kept: their graph has no entry yet.
        """
        ...

    async def record_span(self, span: RecordedSpan, at_ms: int) -> None:
        """Write how far one process has recorded a graph, in place of what it wrote before."""
        ...

    async def recorded_spans(self, graph: GraphKey) -> list[RecordedSpan]:
        """List which entries calls were recorded at, by process."""
        ...

    async def forget_calls(
        self, graph: GraphKey, mpids: Collection[Mpid], values: Collection[Identity]
    ) -> None:
        """Empty, in what was recorded, these values and all that calls of these profiles named.

        The calls stay, without the values, but for those that another live profile holds.
        """
        ...

    async def drop_calls(self, before_ms: int) -> None:
        """Remove what was recorded before a moment, UTC milliseconds."""
        ...


class Store(Protocol):
    """A graph store. Every one passes `idsync.testing.store_suite.StoreSuite`.

    Every method may raise `UnavailableError`: the store is out of reach or cannot write; nothing was changed.
    """

    @property
    def answers_at_once(self) -> bool:
        """Whether `read_views` and `apply` never wait, so that calls gain nothing from looking together."""
        ...

    # -- the hot path: rounds ------------------------------------------------------------------------------

    async def read_views(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        """Take one look for each request.

        A view is consistent and stays valid until the event loop runs something else; for a store with a
        remote database `apply` notices what changed since. Such a view may raise `LookAgain` where it is
        asked for more than it brought, and the next look brings that.
        """
        ...

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        """Commit each change set, all of it or none; one result each.

        A change set whose conditions no longer hold is `Stale`, also when an earlier one of the same call
        broke them. The others are not affected, unless `in_order` is set: then all after it are `Stale` too.
        The store mints the MPID for `NEW`, the position in the journal and the time. What an `Applied` says
        is visible to every later `read_views` at once, and durable once its `durable` was awaited.
        """
        ...

    # -- inspection ----------------------------------------------------------------------------------------

    async def graph_of(self, mpids: Collection[Mpid]) -> dict[Mpid, GraphKey]:
        """Say which graph each MPID belongs to; unknown ones are left out, erased ones are not."""
        ...

    async def profiles(self, graph: GraphKey, mpids: Collection[Mpid]) -> dict[Mpid, Profile]:
        """Show profiles whole, erased ones included; those of another graph are left out (ID-250)."""
        ...

    async def find_profiles(
        self, graph: GraphKey, identity: Identity, limit: int, before: int | None = None
    ) -> list[Mpid]:
        """List at most `limit` profiles with the identity on their record, newest first (ID-011).

        `before` continues a page: only profiles whose recency is smaller.
        """
        ...

    async def links_of(self, graph: GraphKey, identity: Identity, limit: int, after: int = 0) -> list[Link]:
        """List at most `limit` links of an identity, past ones too, oldest first.

        `after` continues a page: only links that began at a greater position. No entry begins two of them.
        """
        ...

    async def pending_aliases(self, due_ms: int, limit: int) -> list[tuple[GraphKey, AliasRecord]]:
        """List pending alias requests that are due at `due_ms`, in order of arrival (ID-187)."""
        ...

    async def inactive_profiles(self, graph: GraphKey, before_ms: int, limit: int) -> list[Mpid]:
        """List live profiles without recorded activity since `before_ms` (ID-214)."""
        ...

    async def shared_values(self, graph: GraphKey, identity_type: int, limit: int) -> list[list[Mpid]]:
        """List holders of values of a type that are on more than one record (ID-039)."""
        ...

    async def flagged(
        self, graph: GraphKey, flags: Collection[Flag], limit: int, after: int = 0
    ) -> list[Flagged]:
        """List at most `limit` values that have one of these flags, in the order in which they were raised.

        `after` continues a page: only flags raised at a greater position. No entry raises two of them.
        """
        ...

    async def watched_to(self, graph: GraphKey, limits: str) -> int:
        """Say up to which entry the radar has watched a graph by these limits; 0 for others."""
        ...

    async def note_watched(self, graph: GraphKey, limits: str, seq: int) -> None:
        """Keep that place. It is no part of the journal: whoever loses it watches again."""
        ...

    # -- the past ------------------------------------------------------------------------------------------

    async def last_seq(self, graph: GraphKey) -> int:
        """Give the position of the last durable entry; 0 where there is none."""
        ...

    async def profiles_at(
        self, graph: GraphKey, mpids: Collection[Mpid], moment: Moment
    ) -> dict[Mpid, Profile]:
        """Show profiles as the entries that count at a moment made them.

        Those that did not exist then, or are of another graph, are left out. A profile erased since is shown
        as erased, with nothing on its record, and a value erased since is empty (ID-212).
        """
        ...

    async def find_profiles_at(
        self, graph: GraphKey, identity: Identity, moment: Moment, limit: int, before: Mpid | None = None
    ) -> list[Mpid]:
        """List at most `limit` profiles that had the identity on their record then, greatest MPID first.

        Those erased since are left out (ID-212). `before` continues a page: only smaller MPIDs.
        """
        ...

    # -- the journal ---------------------------------------------------------------------------------------

    async def graphs(self) -> list[GraphKey]:
        """List the graphs that have a journal."""
        ...

    async def entries(
        self, graph: GraphKey, after: int, limit: int, mpid: Mpid | None = None
    ) -> list[JournalEntry]:
        """Read durable entries with a greater position, oldest first.

        With `mpid` only those that concern it: that name it, change it, or alias from or to it.
        """
        ...

    async def entries_at(self, graph: GraphKey, seqs: Collection[int]) -> dict[int, JournalEntry]:
        """Read durable entries by position; unknown ones are left out."""
        ...

    async def entries_of_request(self, graph: GraphKey, request_id: str, limit: int) -> list[JournalEntry]:
        """Read durable entries that carry a request id, oldest first."""
        ...

    async def traces(self, graph: GraphKey, mpids: Collection[Mpid]) -> Traces:
        """Collect all that is kept of profiles, as of one moment; those of another graph are left out."""
        ...

    async def link_at(self, graph: GraphKey, seq: int) -> bytes:
        """Give the link of the hash chain at a position of the journal, sealing up to it if need be."""
        ...

    async def seal(self) -> None:
        """Seal what is in the journals and not in their chains yet, unless that comes with the fold."""
        ...

    def changes(self, graph: GraphKey, after: int) -> AsyncIterator[JournalEntry]:
        """Follow the journal from a position on, without end: every durable entry once, in order."""
        ...

    # -- life ----------------------------------------------------------------------------------------------

    async def configuration(self, scope: str) -> tuple[int, str, int, str] | None:
        """Give the newest configuration version of a scope: number, author, UTC milliseconds, settings."""
        ...

    async def add_configuration(self, scope: str, author: str, at_ms: int, settings: str) -> int:
        """Record a new configuration version of a scope; returns its number."""
        ...

    # -- calls -----------------------------------------------------------------------------------------------

    @property
    def calls(self) -> CallRecord:
        """What the journal does not say of calls."""
        ...

    def history(self, graph: GraphKey, until_seq: int) -> AsyncIterator[HistoryPage]:
        """Read the journal and the recorded calls of a graph in order, up to an entry."""
        ...

    @property
    def history_url(self) -> str | None:
        """The database that another process can read the history from; `None`: only this one has it."""
        ...

    # -- the end -------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Return when everything applied so far is durable and folded into the tables."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of every resource; a second call does nothing."""
        ...


class ImmediateStore(Store, Protocol):
    """A store whose `answers_at_once` is true."""

    def stands(self, conditions: ChangeSet | Unchanged) -> bool:
        """Say whether an answer that changed nothing would be given again, and rests on what is on disk.

        `False` is no verdict: it sends the call the long way. Never raises.
        """
        ...

    def standing(self, wanted: ViewRequest) -> Standing | None:
        """Say where a call stands, if that is simple; valid until the event loop runs something else.

        `None` is no verdict either.
        """
        ...

    def welcome(self, newcomer: Newcomer) -> Applied:
        """Create a profile for a call that stands as `UNHELD`."""
        ...

    def vouch(self, profile: Unchanged) -> Applied | None:
        """Say what an answer rests on that changes nothing about an unchanged profile; `None`: it changed."""
        ...
