"""The store on PostgreSQL: one look and one transaction for all calls that wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import stamina

from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.errors import ContentionError, UnavailableError
from idsync.model.identity import GraphKey, Mpid
from idsync.model.view import GraphView, ViewRequest
from idsync.store.minting import MpidMint
from idsync.store.postgres import statements
from idsync.store.postgres.address import Connection
from idsync.store.postgres.call_record import PostgresCallRecord
from idsync.store.postgres.commit import Round, Written
from idsync.store.postgres.database import Database, sever, unavailable_if_away
from idsync.store.postgres.faults import TRANSACTION_TRIES, is_race, is_severed
from idsync.store.postgres.following import ANY_NEW_GRAPH, Bell
from idsync.store.postgres.picture import Picture, take_picture
from idsync.store.postgres.queries import Queries
from idsync.store.postgres.turns import Turns
from idsync.store.postgres.view import PostgresView
from idsync.store.sql.reader import SqlReader

__all__ = ["PostgresStore"]


class PostgresStore(Queries):
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
        self.calls = PostgresCallRecord(database, self._tables)
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
