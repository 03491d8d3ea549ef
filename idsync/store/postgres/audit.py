"""Proves that the tables are the fold of the journal, and makes them so again.

Both fold the journal anew into temporary tables of the same names: a session sees its temporary tables first,
so the statements that fold for calls fold here too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

from idsync.model.errors import StoreError
from idsync.model.journal import ChangeKind
from idsync.store.chain import ChainReport
from idsync.store.codec import stored_identities
from idsync.store.fold import fold
from idsync.store.postgres import statements
from idsync.store.postgres.address import Address, Connection
from idsync.store.postgres.faults import reason_of
from idsync.store.postgres.rows import entry_row
from idsync.store.postgres.schema import state_of
from idsync.store.postgres.sealing import check_chain
from idsync.store.postgres.tables import GraphTables
from idsync.store.rows import StoredEntry
from idsync.store.sql.difference import FOLDED, Difference
from idsync.store.sql.schema_state import SchemaState, refuse_unusable

__all__ = ["chain_reports", "check", "rebuild"]

_ENTRIES_AT_ONCE: Final = 1_024
_FOLDED: Final = FOLDED | {"identity": "graph_id, identity_id, type, version, holders, must_nots, flags"}
"""What the journal adds up to; of the dictionary the version and the counts."""
_SCRATCH: Final = (*_FOLDED, "journal", "graph")


async def check(address: Address) -> tuple[int, list[Difference]]:
    """Compare the tables with the journal, as they are at one moment; nodes may go on.

    Returns:
        How many entries were folded, and a difference for each table that has one.

    Raises:
        StoreError: The database cannot be used, or the journal has a gap.
    """
    async with _folded_anew(address, hold=False) as (connection, entries):
        return entries, await _differences(connection)


async def rebuild(address: Address) -> tuple[int, list[Difference]]:
    """Make the tables what the journal says, in one transaction; calls that write wait meanwhile.

    Returns:
        How many entries were folded, and what had to be corrected.

    Raises:
        StoreError: As for `check`; nothing was changed.
    """
    async with _folded_anew(address, hold=True) as (connection, entries):
        differences = await _differences(connection)
        main = await connection.fetchval("SELECT quote_ident(current_schema())")
        for table, columns in _FOLDED.items():
            if table == "identity":
                await connection.execute(
                    f"UPDATE {main}.identity i "
                    "SET version = a.version, holders = a.holders, must_nots = a.must_nots, flags = a.flags "
                    "FROM pg_temp.identity a WHERE a.graph_id = i.graph_id AND a.identity_id = i.identity_id "
                    "AND (a.version, a.holders, a.must_nots, a.flags) "
                    "IS DISTINCT FROM (i.version, i.holders, i.must_nots, i.flags)"
                )
                continue
            await connection.execute(f"DELETE FROM {main}.{table}")
            await connection.execute(
                f"INSERT INTO {main}.{table} ({columns}) SELECT {columns} FROM pg_temp.{table}"
            )
        await connection.execute(
            f"UPDATE {main}.graph g SET last_seq = a.last_seq FROM pg_temp.graph a "
            "WHERE a.graph_id = g.graph_id"
        )
        await connection.execute("COMMIT")
        return entries, differences


async def chain_reports(address: Address) -> list[ChainReport]:
    """Look at the chain of every graph as of one moment; nodes may go on.

    Raises:
        StoreError: The database cannot be used.
    """
    state = await state_of(address)
    if state is SchemaState.EMPTY:
        raise StoreError("there is no such database")
    refuse_unusable(state)
    try:
        connection = await address.connect(led_by_keys=True)
        try:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return await check_chain(connection)
        finally:
            connection.terminate()
    except Exception as error:
        reason = reason_of(error)
        if reason is None:
            raise
        raise StoreError(f"the database cannot be used: {reason}") from error


async def _differences(connection: Connection) -> list[Difference]:
    main = await connection.fetchval("SELECT quote_ident(current_schema())")
    found: list[Difference] = []
    for table, columns in (_FOLDED | {"graph": "graph_id, last_seq"}).items():
        ours, anew = (f"SELECT {columns} FROM {schema}.{table}" for schema in (main, "pg_temp"))
        missing, unexplained = [
            await connection.fetchval(f"SELECT count(*) FROM ({one} EXCEPT {other}) d")
            for one, other in ((anew, ours), (ours, anew))
        ]
        if missing or unexplained:
            found.append(Difference(table, missing, unexplained))
    return found


@asynccontextmanager
async def _folded_anew(address: Address, *, hold: bool) -> AsyncIterator[tuple[Connection, int]]:
    """Fold the whole journal into temporary tables, within a transaction that sees one moment."""
    state = await state_of(address)
    if state is SchemaState.EMPTY:
        raise StoreError("there is no such database")
    refuse_unusable(state)
    try:
        connection = await address.connect(led_by_keys=True)
        try:
            if hold:
                await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            else:
                await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            main = await connection.fetchval("SELECT quote_ident(current_schema())")
            graphs = [
                row[0] for row in await connection.fetch(f"SELECT graph_id FROM {main}.graph ORDER BY 1")
            ]
            if hold:
                for graph_id in graphs:
                    await connection.fetchrow(statements.HOLD_GRAPH, graph_id)
            for table in _SCRATCH:
                await connection.execute(
                    f"CREATE TEMPORARY TABLE {table} (LIKE {main}.{table} INCLUDING INDEXES) ON COMMIT DROP"
                )
            await connection.execute(
                "INSERT INTO pg_temp.identity (graph_id, identity_id, type, digest, value, version, holders) "
                f"SELECT graph_id, identity_id, type, digest, value, 0, '[]' FROM {main}.identity"
            )
            await connection.execute(
                "INSERT INTO pg_temp.graph (graph_id, scope, environment, last_seq, last_identity_id) "
                f"SELECT graph_id, scope, environment, 0, last_identity_id FROM {main}.graph"
            )
            await connection.execute("ANALYZE pg_temp.identity")
            entries = 0
            for graph_id in graphs:
                entries += await _fold(connection, f"{main}.journal", graph_id)
            yield connection, entries
        finally:
            connection.terminate()
    except StoreError:
        raise
    except Exception as error:
        reason = reason_of(error)
        if reason is None:
            raise
        raise StoreError(f"the database cannot be used: {reason}") from error


async def _fold(connection: Connection, journal: str, graph_id: int) -> int:
    """Fold the journal of one graph; gives the number of its entries."""
    last_identity_id = await connection.fetchval(
        "SELECT last_identity_id FROM pg_temp.graph WHERE graph_id = $1", graph_id
    )
    expected = 1
    while True:
        rows = await connection.fetch(
            "SELECT seq, at_ms, cause, rule, request_id, input_id, mpid, body, idempotency_key "
            f"FROM {journal} WHERE graph_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3",
            graph_id,
            expected,
            _ENTRIES_AT_ONCE,
        )
        if not rows:
            return expected - 1
        entries = [entry_row(row) for row in rows]
        for entry in entries:
            if entry.seq != expected:
                raise StoreError(f"the journal has a gap before entry {entry.seq} of graph {graph_id}")
            expected += 1
        tables = GraphTables(graph_id, last_identity_id)
        await _load(connection, tables, entries)
        for entry in entries:
            fold(entry, tables)
        await tables.write(connection, [], expected - 1, 0)


async def _load(connection: Connection, tables: GraphTables, entries: Collection[StoredEntry]) -> None:
    changes = [change for entry in entries for change in entry.changes]
    await tables.load(
        connection,
        identity_ids=set().union(*(stored_identities(entry) for entry in entries)),
        profiles={c.terms.destination for c in changes if c.terms is not None}
        | {c.other for c in changes if c.other is not None},
        records={c.mpid for c in changes},
        aliases={c.alias_seq for c in changes if c.alias_seq},
        must_nots={c.alias_seq for c in changes if c.kind is ChangeKind.PERMITTED},
    )
