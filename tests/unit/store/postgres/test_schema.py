"""What state a database is in; who makes its schema; what an upgrade does while nodes go on."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import create_async_engine

from idsync.model.errors import StoreError
from idsync.model.flag import Flag
from idsync.model.journal import Change, ChangeKind
from idsync.model.recording import RecordedCall, RecordedSpan
from idsync.store.postgres import schema as postgres_schema
from idsync.store.postgres.address import read_address
from idsync.store.postgres.opening import open_store
from idsync.store.postgres.schema import require_current, state_of, upgrade
from idsync.store.sql import schema, schema_state
from idsync.store.sql.schema_state import SchemaState
from idsync.testing.clock import ManualClock
from idsync.testing.graph_image import graph_image
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL
from tests.unit.store.first_schema import TO_POSTGRES

pytestmark = pytest.mark.postgres


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def image(url: str) -> dict[str, Any]:
    """Describe every table: columns, keys and indexes."""
    engine = create_async_engine("postgresql+asyncpg://", async_creator=read_address(url).connect)

    def look(connection: Any) -> dict[str, Any]:
        found = inspect(connection)
        return {
            name: (
                [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(name)],
                found.get_pk_constraint(name)["constrained_columns"],
                sorted((i["name"], i["column_names"], i["unique"]) for i in found.get_indexes(name)),
            )
            for name in found.get_table_names()
        }

    try:
        async with engine.connect() as connection:
            return await connection.run_sync(look)
    finally:
        await engine.dispose()


async def test_migrations_lead_to_the_same_schema(new_postgres: Callable[[], str]) -> None:
    """A database that was migrated from nothing is the one that a new service makes."""
    made, migrated = await asyncio.to_thread(new_postgres), await asyncio.to_thread(new_postgres)
    await require_current(read_address(made))
    async with (
        postgres_schema._connected(read_address(migrated)) as engine,
        engine.begin() as connection,
    ):
        await connection.run_sync(postgres_schema._migrate)

    assert await state_of(read_address(migrated)) is SchemaState.CURRENT
    assert await image(migrated) == await image(made)


async def test_nodes_that_start_at_once_on_an_empty_database_all_come_up(
    new_postgres: Callable[[], str],
) -> None:
    url = await asyncio.to_thread(new_postgres)

    stores = await asyncio.gather(*(open_store(url, clock=ManualClock()) for _ in range(6)))
    mpid = await Scribe(stores[0]).create(DEVICE)
    seen = [await Scribe(store).holders(DEVICE) for store in stores]
    await asyncio.gather(*(store.close() for store in stores))

    assert seen == [[mpid]] * 6


async def test_an_older_database_is_refused_with_advice(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version is one that this program knows, but not its own; nothing happens to it unasked."""
    monkeypatch.setattr(schema_state, "HEAD", "later")
    before = await image(postgres_url)

    with pytest.raises(StoreError, match="idsync db upgrade"):
        await require_current(read_address(postgres_url))

    assert await state_of(read_address(postgres_url)) is SchemaState.OLDER
    assert await image(postgres_url) == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE idsync_version SET version_num = '9999'", "newer version"),
        ("DELETE FROM idsync_version", "damaged"),
        ("DROP TABLE alias", "lacks alias"),
        ("DROP TABLE idsync_version", "something else"),
        ("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE theirs ()", "something else"),
    ],
)
async def test_what_is_not_ours_is_named_and_left(
    new_postgres: Callable[[], str], damage: str, said: str
) -> None:
    url = await asyncio.to_thread(new_postgres)
    await require_current(read_address(url))
    await execute(url, damage)
    before = await image(url)

    for touch in (require_current, upgrade):
        with pytest.raises(StoreError, match=said):
            await touch(read_address(url))

    assert await image(url) == before


async def test_what_an_extension_brings_along_is_not_somebody_elses(new_postgres: Callable[[], str]) -> None:
    """Many servers show their statistics in every database."""
    url = await asyncio.to_thread(new_postgres)
    await execute(url, "CREATE EXTENSION pg_stat_statements")

    await require_current(read_address(url))

    assert await state_of(read_address(url)) is SchemaState.CURRENT


async def test_a_database_of_another_encoding_is_refused(
    new_postgres: Callable[[], str], postgres_server: str
) -> None:
    """It cannot hold every request id."""
    admin = await asyncpg.connect(f"{postgres_server}/postgres")
    await admin.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(StoreError, match="LATIN1"):
            await require_current(read_address(f"{postgres_server}/latin"))
    finally:
        await admin.execute("DROP DATABASE latin")
        await admin.close()


async def test_a_server_that_is_away_is_named(nobody: str) -> None:
    with pytest.raises(StoreError, match="cannot be reached"):
        await open_store(f"postgresql://u:secret@{nobody}/name", clock=ManualClock())


async def test_a_wrong_name_is_named(postgres_server: str) -> None:
    with pytest.raises(StoreError, match="no such database"):
        await open_store(f"{postgres_server}/nowhere", clock=ManualClock())


async def test_two_nodes_record_the_same_at_once(new_postgres: Callable[[], str]) -> None:
    """Each writes what it counted; a value that both met is in the record's dictionary once."""
    url = await asyncio.to_thread(new_postgres)
    nodes = [await open_store(url, clock=ManualClock()) for _ in range(2)]
    mpid = await Scribe(nodes[0]).create(DEVICE)
    call = RecordedCall(GRAPH, 1, 0, "login", mpid, None, "a/rule", (DEVICE, MAIL))

    await asyncio.gather(*(node.calls.record_calls([(call, n)], 1) for n in (1, 2, 3) for node in nodes))
    await asyncio.gather(
        *(node.calls.record_span(RecordedSpan(GRAPH, n, 0, 1, 0), 1) for n, node in enumerate(nodes, 1))
    )

    pages = [page async for page in nodes[0].history(GRAPH, 1)]
    assert sorted(each.times for page in pages for each in page.calls) == [1, 1, 2, 2, 3, 3]
    assert [value for page in pages for number, _, value in page.identities if number < 0] == [MAIL.value]
    assert [span.node for span in await nodes[1].calls.recorded_spans(GRAPH)] == [1, 2]
    for node in nodes:
        await node.close()


LATER = f"""
revision = "9000"
down_revision = "{schema_state.HEAD}"

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    for table in ("profile", "link", "identity", "journal", "graph"):
        op.add_column(table, sa.Column("later", sa.BigInteger(), nullable=False, server_default="7"))
    op.create_index("journal_later", "journal", ["graph_id", "later"])
    op.create_table("added", sa.Column("graph_id", sa.Integer(), primary_key=True))
"""


async def test_an_old_node_goes_on_through_a_migration_that_adds(
    new_postgres: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrations only add, so nodes can be replaced one after another while calls go on."""
    url = await asyncio.to_thread(new_postgres)
    store = await open_store(url, clock=ManualClock())
    scribe = Scribe(store)
    first = await scribe.create(DEVICE, MAIL)
    await store.profiles(scribe.graph, [first])
    written: list[int] = []
    upgraded = asyncio.Event()

    async def serve() -> None:
        while not upgraded.is_set():
            written.append(await scribe.create(DEVICE))
        written.extend([await scribe.create(DEVICE) for _ in range(5)])

    serving = asyncio.create_task(serve())
    scripts = shutil.copytree(schema_state.migrations(), tmp_path / "migrations")
    (scripts / "versions" / "9000_later.py").write_text(LATER)
    with monkeypatch.context() as newer:
        for module in (schema, schema_state):
            newer.setattr(module, "migrations", lambda: scripts)
        newer.setattr(schema_state, "HEAD", "9000")
        # in a process of its own, so to say: alembic keeps no promise to two loops
        await asyncio.to_thread(lambda: asyncio.run(upgrade(read_address(url))))
        state = await state_of(read_address(url))
    upgraded.set()
    await serving
    shown = await store.profiles(scribe.graph, [first])
    entries = await store.entries(scribe.graph, 0, 10_000)
    holders = await store.find_profiles(scribe.graph, DEVICE, 10_000)
    await store.close()

    assert state is SchemaState.CURRENT
    assert "later" in str(await image(url))
    assert list(shown) == [first]
    assert [entry.mpid for entry in entries] == [first, *written]
    assert holders == [*reversed(written), first]


async def test_a_database_of_the_first_schema_is_upgraded_with_its_content(
    new_postgres: Callable[[], str],
) -> None:
    """Nothing of it is lost; must-not-links can be made, and calls are recorded from then on."""
    url = await asyncio.to_thread(new_postgres)
    store = await open_store(url, clock=ManualClock())
    scribe = Scribe(store)
    mpid = await scribe.create(DEVICE, MAIL)
    before = await graph_image(store, scribe.graph)
    await store.close()
    await execute(url, TO_POSTGRES)
    older = await state_of(read_address(url))

    await asyncio.to_thread(lambda: asyncio.run(upgrade(read_address(url))))
    store = await open_store(url, clock=ManualClock())
    after = await graph_image(store, scribe.graph)
    await Scribe(store).write(0, Change(ChangeKind.FORBIDDEN, 0, MAIL))
    await Scribe(store).write(0, Change(ChangeKind.QUARANTINED, 0, MAIL))
    view = await Scribe(store).look(MAIL)
    call = RecordedCall(GRAPH, 1, 0, "identify", mpid, None, "a/rule", (DEVICE,))
    refused = await store.calls.record_calls([(call, 1)], 1)
    await store.close()

    assert refused == []
    assert older is SchemaState.OLDER
    assert after == before
    assert list(after.profiles) == [mpid]
    assert len(view.must_nots(MAIL)) == 1
    assert view.flags(MAIL) == {Flag.QUARANTINE: 3}


async def test_answers_are_on_disk_even_where_the_database_is_told_otherwise(
    new_postgres: Callable[[], str],
) -> None:
    url = await asyncio.to_thread(new_postgres)
    name = url.rpartition("/")[2]
    await execute(url, f"ALTER DATABASE {name} SET synchronous_commit = off")

    store = await open_store(url, clock=ManualClock())
    async with store._database.connection() as first, store._database.connection() as second:
        said = [await each.fetchval("SHOW synchronous_commit") for each in (first, second)]
    await store.close()

    assert said == ["on", "on"]
