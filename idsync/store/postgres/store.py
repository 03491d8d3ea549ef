"""The store on PostgreSQL: one look and one transaction for all calls that wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import stamina

from idsync.model.aliasing import AliasRecord
from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.erasure import Traces
from idsync.model.errors import ContentionError, StoreError, UnavailableError
from idsync.model.flag import Flag, Flagged
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import JournalEntry
from idsync.model.moment import Moment
from idsync.model.profile import Link, Profile
from idsync.model.recording import HistoryPage, RecordedCall, RecordedSpan
from idsync.model.view import GraphView, ViewRequest
from idsync.store.minting import MpidMint
from idsync.store.postgres import statements
from idsync.store.postgres.address import Connection
from idsync.store.postgres.commit import Round, Written
from idsync.store.postgres.database import Database, sever, unavailable_if_away
from idsync.store.postgres.faults import is_race, is_severed
from idsync.store.postgres.following import ANY_NEW_GRAPH, Bell
from idsync.store.postgres.picture import Picture, take_picture
from idsync.store.postgres.rows import digest
from idsync.store.postgres.sealing import seal_some
from idsync.store.postgres.turns import Turns
from idsync.store.postgres.view import PostgresView
from idsync.store.sql.reader import SqlReader

__all__ = ["TRANSACTION_TRIES", "PostgresStore"]

TRANSACTION_TRIES: Final = 10
"""How often a transaction is taken that the database undid because of another one."""
_WATCH_PAGE: Final = 1_000


class PostgresStore:
    """Implements `idsync.store.protocol.Store` over a database that other nodes use as well.

    Args:
        database: Of the current schema.
        clock: Gives the time in UTC milliseconds.
        last_mpid: The greatest MPID in use.
    """

    answers_at_once = False

    def __init__(self, database: Database, *, clock: Callable[[], int], last_mpid: Mpid) -> None:
        self._database = database
        self._clock = clock
        self._mint = MpidMint(clock, last_mpid)
        self._tables = SqlReader(database.engine)
        self._bell = Bell(database)
        self._turns = Turns(self._begun)
        self._graph_ids: dict[GraphKey, int] = {}
        self._tick = 0
        self._closed = False

    # -- the hot path --------------------------------------------------------------------------------------

    async def read_views(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        """Take one picture of each graph, all of the same moment."""
        if not wanted:
            return []
        try:
            return await self._look(wanted)
        except asyncpg.PostgresError as error:
            # a migration takes tables in another order than a look does
            if not is_race(error):
                raise
        async for attempt in stamina.retry_context(
            on=is_race, attempts=TRANSACTION_TRIES, wait_initial=0.005, timeout=None
        ):
            with attempt:
                return await self._look(wanted)
        raise AssertionError("the last attempt returns or raises")

    async def _look(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        tick = self._tick
        if self._turns.is_due():
            async with self._turns.take() as connection:
                for key in sorted({request.graph for request in wanted}):
                    graph_id = await self._graph_id(connection, key)
                    if graph_id is not None:
                        await connection.fetchrow(statements.HOLD_GRAPH, graph_id)
                return await self._views(connection, wanted, tick)
        async with self._database.connection() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            views = await self._views(connection, wanted, tick)
            await connection.execute("ROLLBACK")
        return views

    async def _views(
        self, connection: Connection, wanted: Sequence[ViewRequest], tick: int
    ) -> list[GraphView]:
        by_graph: defaultdict[GraphKey, list[ViewRequest]] = defaultdict(list)
        for request in wanted:
            by_graph[request.graph].append(request)
        pictures: dict[GraphKey, Picture] = {}
        for key, requests in by_graph.items():
            graph_id = await self._graph_id(connection, key)
            pictures[key] = (
                Picture() if graph_id is None else await take_picture(connection, graph_id, requests)
            )
        return [PostgresView(r.graph, r, pictures[r.graph], tick) for r in wanted]

    async def _graph_id(self, connection: Connection, key: GraphKey) -> int | None:
        graph_id = self._graph_ids.get(key)
        if graph_id is None:
            graph_id = await connection.fetchval(statements.GRAPH, key.scope, int(key.environment))
            if graph_id is not None:
                self._graph_ids[key] = graph_id
        return graph_id

    async def apply(self, changes: Sequence[ChangeSet], *, in_order: bool = False) -> list[Applied | Stale]:
        """Commit change sets in one transaction; what changes nothing rests on the look alone.

        A look was one moment of committed rows, so an answer that changes nothing was true then. It is
        compared again only if this node has written since, or writes before it in the same call.
        """
        if not changes or all(not each.changes and _tick_of(each) == self._tick for each in changes):
            await self._turns.give_back()
            return [Applied(each.mpid, 0, None) for each in changes]
        try:
            return await self._commit_again(changes, in_order=in_order)
        except asyncpg.exceptions.TransactionRollbackError as error:
            raise ContentionError("the database undid the transaction again and again") from error

    async def _commit_again(self, changes: Sequence[ChangeSet], *, in_order: bool) -> list[Applied | Stale]:
        async for attempt in stamina.retry_context(
            on=is_race,
            attempts=TRANSACTION_TRIES,
            wait_initial=0.005,
            wait_max=0.2,
            wait_jitter=0.02,
            timeout=None,
        ):
            with attempt:
                return await self._commit(changes, in_order=in_order)
        raise AssertionError("the last attempt returns or raises")

    async def _commit(self, changes: Sequence[ChangeSet], *, in_order: bool) -> list[Applied | Stale]:
        round_ = Round(
            changes, in_order=in_order, clock=self._clock, mint=self._mint, graph_ids=self._graph_ids
        )
        try:
            async with self._turns.taken_or_new() as connection:
                results = await round_.stage(connection)
                if round_.written:
                    await self._finish(connection, round_.written[0])
                else:
                    await connection.execute("ROLLBACK")
        finally:
            # also where the outcome is not known: views taken before may be old
            self._tick += 1
        collided = any(isinstance(result, Stale) for result in results)
        self._turns.note(lost=collided and not round_.written, collided=collided)
        for written in round_.written:
            if written.seq == 1:
                self._bell.ring(ANY_NEW_GRAPH)
            self._bell.ring(written.graph_id)
        return results

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[Connection]:
        async with self._database.connection() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            yield connection

    async def _finish(self, connection: Connection, written: Written) -> None:
        """Commit, and find out what became of it where the answer is lost."""
        try:
            await connection.execute("COMMIT")
        except BaseException as error:
            if isinstance(error, Exception) and not is_severed(error):
                raise
            # at once, before the driver asks the server to cancel: to break off its wait for a standby would
            # show everybody what may yet be lost with the leader
            sever(connection)
            if not isinstance(error, Exception):
                raise
            if not await self._was_committed(written):
                raise UnavailableError(
                    "the database was lost before the commit; nothing was changed"
                ) from error

    async def _was_committed(self, written: Written) -> bool:
        """Look for the mark of a transaction, once nobody holds its graph any more.

        Raises:
            UnavailableError: That cannot be found out either.
        """
        with unavailable_if_away():
            connection = await self._database.connections.open(led_by_keys=True, command_timeout=_OUTCOME_S)
            try:
                async with connection.transaction():
                    await connection.fetchrow(statements.HOLD_GRAPH, written.graph_id)
                    mark = await connection.fetchval(statements.WAS_COMMITTED, written.graph_id, written.seq)
                return bool(mark == written.mark)
            finally:
                connection.terminate()

    # -- inspection ----------------------------------------------------------------------------------------

    async def graph_of(self, mpids: Collection[Mpid]) -> dict[Mpid, GraphKey]:
        """Look into the directory."""
        with unavailable_if_away():
            return await self._tables.graph_of(mpids)

    async def profiles(self, graph: GraphKey, mpids: Collection[Mpid]) -> dict[Mpid, Profile]:
        """Show profiles whole."""
        with unavailable_if_away():
            return await self._tables.profiles(graph, mpids)

    async def find_profiles(
        self, graph: GraphKey, identity: Identity, limit: int, before: int | None = None
    ) -> list[Mpid]:
        """List holders, newest first."""
        with unavailable_if_away():
            identity_id = await self._identity_id(graph, identity)
            return await self._tables.newest_holders(graph, identity_id, limit, before)

    async def links_of(self, graph: GraphKey, identity: Identity, limit: int, after: int = 0) -> list[Link]:
        """List the links of an identity, past ones too."""
        with unavailable_if_away():
            return await self._tables.links_of(graph, await self._identity_id(graph, identity), limit, after)

    async def last_seq(self, graph: GraphKey) -> int:
        """Give the position of the last entry."""
        with unavailable_if_away():
            return await self._tables.last_seq(graph)

    async def profiles_at(
        self, graph: GraphKey, mpids: Collection[Mpid], moment: Moment
    ) -> dict[Mpid, Profile]:
        """Show profiles as they were."""
        with unavailable_if_away():
            return await self._tables.profiles_at(graph, mpids, moment)

    async def find_profiles_at(
        self, graph: GraphKey, identity: Identity, moment: Moment, limit: int, before: Mpid | None = None
    ) -> list[Mpid]:
        """List who held it then."""
        with unavailable_if_away():
            identity_id = await self._identity_id(graph, identity)
            return await self._tables.find_profiles_at(graph, identity_id, moment, limit, before)

    async def _identity_id(self, graph: GraphKey, identity: Identity) -> int | None:
        return await self._tables.identity_id(graph, digest(identity.value.encode()), identity)

    async def pending_aliases(self, due_ms: int, limit: int) -> list[tuple[GraphKey, AliasRecord]]:
        """List what is due."""
        with unavailable_if_away():
            return await self._tables.pending_aliases(due_ms, limit)

    async def inactive_profiles(self, graph: GraphKey, before_ms: int, limit: int) -> list[Mpid]:
        """List live profiles without recorded activity."""
        with unavailable_if_away():
            return await self._tables.inactive_profiles(graph, before_ms, limit)

    async def shared_values(self, graph: GraphKey, identity_type: int, limit: int) -> list[list[Mpid]]:
        """List holders of values on more than one record."""
        with unavailable_if_away():
            return await self._tables.shared_values(graph, identity_type, limit)

    async def flagged(
        self, graph: GraphKey, flags: Collection[Flag], limit: int, after: int = 0
    ) -> list[Flagged]:
        """List values with flags."""
        with unavailable_if_away():
            return await self._tables.flagged(graph, flags, limit, after)

    async def watched_to(self, graph: GraphKey, limits: str) -> int:
        """Give the radar's place."""
        with unavailable_if_away():
            return await self._tables.watched_to(graph, limits)

    async def note_watched(self, graph: GraphKey, limits: str, seq: int) -> None:
        """Keep the radar's place; of several nodes the one that is behind changes nothing."""
        with unavailable_if_away():
            await self._tables.note_watched(graph, limits, seq)

    async def graphs(self) -> list[GraphKey]:
        """List the graphs that have entries."""
        with unavailable_if_away():
            return await self._tables.graphs()

    async def entries(
        self, graph: GraphKey, after: int, limit: int, mpid: Mpid | None = None
    ) -> list[JournalEntry]:
        """Read on from a position."""
        with unavailable_if_away():
            return await self._tables.entries(graph, after, limit, mpid)

    async def entries_at(self, graph: GraphKey, seqs: Collection[int]) -> dict[int, JournalEntry]:
        """Pick entries."""
        with unavailable_if_away():
            return await self._tables.entries_at(graph, seqs)

    async def entries_of_request(self, graph: GraphKey, request_id: str, limit: int) -> list[JournalEntry]:
        """Find entries by request id."""
        with unavailable_if_away():
            return await self._tables.entries_of_request(graph, request_id, limit)

    async def traces(self, graph: GraphKey, mpids: Collection[Mpid]) -> Traces:
        """Collect all that is kept of profiles."""
        with unavailable_if_away():
            return await self._tables.traces(graph, mpids)

    async def link_at(self, graph: GraphKey, seq: int) -> bytes:
        """Give a link of the chain, after sealing up to it."""
        with unavailable_if_away():
            link = await self._tables.link_at(graph, seq)
            if link is None:
                await self._seal(graph)
                link = await self._tables.link_at(graph, seq)
        if link is None:
            raise StoreError(f"the chain of the journal lacks its link at entry {seq}")
        return link

    async def seal(self) -> None:
        """Seal what all nodes have written, some at a time; nodes that meet here wait for each other."""
        for graph in await self.graphs():
            await self._seal(graph)

    async def _seal(self, graph: GraphKey) -> None:
        count = 1
        while count:
            async with self._begun() as connection:
                graph_id = await self._graph_id(connection, graph)
                count = 0 if graph_id is None else await seal_some(connection, graph_id, graph)
                await connection.execute("COMMIT")

    async def changes(self, graph: GraphKey, after: int) -> AsyncIterator[JournalEntry]:
        """Follow the journal, whichever node writes it."""
        async with self._bell.listening(ANY_NEW_GRAPH):
            while True:
                grown = self._bell.grown(ANY_NEW_GRAPH)
                graph_id = await self._known(graph)
                if graph_id is not None:
                    break
                await self._bell.wait(grown)
        async with self._bell.listening(graph_id):
            while True:
                grown = self._bell.grown(graph_id)
                entries = await self.entries(graph, after, _WATCH_PAGE)
                for entry in entries:
                    after = entry.seq
                    yield entry
                if not entries:
                    await self._bell.wait(grown)

    async def _known(self, graph: GraphKey) -> int | None:
        if graph not in self._graph_ids:
            async with self._database.connection() as connection:
                await self._graph_id(connection, graph)
        return self._graph_ids.get(graph)

    # -- the record of calls -------------------------------------------------------------------------------

    async def record_calls(self, calls: Sequence[tuple[RecordedCall, int]], at_ms: int) -> list[RecordedCall]:
        """Write calls; what another node writes at the same moment is no fault."""
        async for attempt in stamina.retry_context(
            on=is_race, attempts=TRANSACTION_TRIES, wait_initial=0.005
        ):
            with attempt, unavailable_if_away():
                return await self._tables.record_calls(calls, at_ms)
        raise AssertionError("the last attempt returns or raises")

    async def record_span(self, span: RecordedSpan, at_ms: int) -> None:
        """Write how far this node has recorded a graph."""
        async for attempt in stamina.retry_context(
            on=is_race, attempts=TRANSACTION_TRIES, wait_initial=0.005
        ):
            with attempt, unavailable_if_away():
                await self._tables.record_span(span, at_ms)

    async def recorded_spans(self, graph: GraphKey) -> list[RecordedSpan]:
        """List which entries calls were recorded at, by node."""
        with unavailable_if_away():
            return await self._tables.recorded_spans(graph)

    async def forget_calls(
        self, graph: GraphKey, mpids: Collection[Mpid], values: Collection[Identity]
    ) -> None:
        """Empty what was recorded of a profile."""
        async for attempt in stamina.retry_context(
            on=is_race, attempts=TRANSACTION_TRIES, wait_initial=0.005
        ):
            with attempt, unavailable_if_away():
                await self._tables.forget_calls(graph, mpids, values)

    async def drop_calls(self, before_ms: int) -> None:
        """Remove what is older; nodes that do so at once do it once."""
        async for attempt in stamina.retry_context(
            on=is_race, attempts=TRANSACTION_TRIES, wait_initial=0.005
        ):
            with attempt, unavailable_if_away():
                await self._tables.drop_calls(before_ms)

    async def history(self, graph: GraphKey, until_seq: int) -> AsyncIterator[HistoryPage]:
        """Read the journal and the recorded calls in order."""
        with unavailable_if_away():
            async for page in self._tables.history(graph, until_seq):
                yield page

    @property
    def history_url(self) -> str | None:
        """Name the database."""
        return self._database.address.url

    # -- life ----------------------------------------------------------------------------------------------

    async def configuration(self, scope: str) -> tuple[int, str, int, str] | None:
        """Give the newest configuration version."""
        with unavailable_if_away():
            return await self._tables.configuration(scope)

    async def add_configuration(self, scope: str, author: str, at_ms: int, settings: str) -> int:
        """Record a configuration version; nodes that bring the same one at once record it once."""
        async for attempt in stamina.retry_context(
            on=is_race, attempts=TRANSACTION_TRIES, wait_initial=0.005
        ):
            with attempt, unavailable_if_away():
                newest = await self._tables.configuration(scope)
                if attempt.num > 1 and newest is not None and newest[3] == settings:
                    return newest[0]
                return await self._tables.add_configuration(scope, author, at_ms, settings)
        raise AssertionError("the last attempt returns or raises")

    async def settle(self) -> None:
        """Nothing is ever waiting: what was applied was committed."""

    async def close(self) -> None:
        """Let go of every connection."""
        if not self._closed:
            self._closed = True
            try:
                await self._turns.close()
                await self._bell.close()
                await self._tables.close()
            finally:
                await self._database.close()


_OUTCOME_S: Final = 10.0
"""How long the outcome of a commit is looked for before it is given up."""


def _tick_of(change_set: ChangeSet) -> int:
    view = change_set.view
    return view.tick if isinstance(view, PostgresView) else -1
