"""The chain on PostgreSQL: sealed behind the commits by whoever comes, and nothing erased in any table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from idsync.model.journal import Change, ChangeKind
from idsync.store.postgres.address import read_address
from idsync.store.postgres.audit import chain_reports, check, rebuild
from idsync.store.postgres.opening import open_store
from idsync.store.postgres.schema import require_current, state_of, upgrade
from idsync.store.postgres.sealing import AT_ONCE
from idsync.store.postgres.store import PostgresStore
from idsync.store.sql.schema_state import SchemaState
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL, OTHER_MAIL, STAMP
from tests.unit.store.first_schema import STAGING_COLUMNS

pytestmark = pytest.mark.postgres


async def _do(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _sealed(url: str) -> tuple[int, int, list[str]]:
    [report] = await chain_reports(read_address(url))
    return report.sealed, report.waiting, [fault.text for fault in report.faults]


async def _written(store: PostgresStore) -> int:
    """Let somebody come, change his address, and share his device."""
    scribe = Scribe(store)
    mpid = await scribe.create(
        MAIL, DEVICE, request_id="request-of-one", input_id="shop/web", idempotency_key="k-one"
    )
    await scribe.create(DEVICE, request_id="request-of-two\0with NUL")
    await scribe.remove(mpid, MAIL)
    await scribe.add(mpid, OTHER_MAIL)
    return mpid


async def _erase(store: PostgresStore, mpid: int) -> None:
    erased = [Change(ChangeKind.VALUE_ERASED, mpid, value, reason="k:d") for value in (MAIL, OTHER_MAIL)]
    await Scribe(store).write(mpid, Change(ChangeKind.PROFILE_ERASED, mpid), *erased, idempotency_key="id-1")


async def _forget(scribe: Scribe, mpid: int) -> None:
    await scribe.write(mpid, Change(ChangeKind.PROFILE_ERASED, mpid), idempotency_key=f"id-{mpid}")


async def test_entries_wait_until_somebody_seals(store: PostgresStore, postgres_url: str) -> None:
    await _written(store)

    before = await _sealed(postgres_url)
    await store.seal()

    assert before == (0, 4, [])
    assert await _sealed(postgres_url) == (4, 0, [])


async def test_more_entries_than_one_transaction_seals(store: PostgresStore, postgres_url: str) -> None:
    scribe = Scribe(store)
    for _ in range(3):
        await scribe.apply(*[await scribe.prepare(0, *scribe.creation()) for _ in range(AT_ONCE // 2)])

    await store.link_at(scribe.graph, 1)

    assert await _sealed(postgres_url) == (3 * (AT_ONCE // 2), 0, [])


async def test_nodes_that_seal_at_once(
    store: PostgresStore, other_store: PostgresStore, postgres_url: str
) -> None:
    """While one of them writes and erases."""
    scribe = Scribe(store)
    for round_ in range(8):
        mpids = [await scribe.create(DEVICE, request_id=f"r-{round_}-{n}") for n in range(4)]
        await asyncio.gather(
            store.seal(),
            other_store.seal(),
            other_store.seal(),
            *(_forget(scribe, mpid) for mpid in mpids[:2]),
        )
    await store.seal()

    sealed, waiting, faults = await _sealed(postgres_url)
    assert (waiting, faults) == (0, [])
    assert sealed == 8 * 6


@pytest.mark.parametrize("sealed_first", [True, False])
async def test_nothing_erased_is_in_any_table(
    store: PostgresStore, postgres_url: str, *, sealed_first: bool
) -> None:
    """Every column of every row, whatever its type."""
    mpid = await _written(store)
    if sealed_first:
        await store.seal()
    await _erase(store, mpid)
    await store.seal()
    connection = await asyncpg.connect(postgres_url)
    try:
        names = [
            row[0]
            for row in await connection.fetch(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
            )
        ]
        cells = [
            value if isinstance(value, bytes) else str(value).encode()
            for name in names
            for row in await connection.fetch(f'SELECT * FROM "{name}"')
            for value in row.values()
        ]
    finally:
        await connection.close()

    found = {
        text
        for text in (MAIL.value, OTHER_MAIL.value, "request-of-one", "k-one")
        for c in cells
        if text.encode() in c
    }
    kept = {text for text in (DEVICE.value, "request-of-two") for c in cells if text.encode() in c}
    assert len(names) > 10
    assert found == set()
    assert kept == {DEVICE.value, "request-of-two"}
    assert await _sealed(postgres_url) == (5, 0, [])
    assert (await check(read_address(postgres_url)))[1] == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE journal SET at_ms = at_ms + 1 WHERE seq = 2", "entry 2 was changed, or its link was"),
        ("UPDATE journal SET request_id = 'x' WHERE seq = 2", "entry 2 was changed, or its link was"),
        (
            "UPDATE journal SET request_id = 'request-of-one' WHERE seq = 1",
            "entry 1 was changed: it carries a text that was erased",
        ),
        ("DELETE FROM journal WHERE seq = 3", "entry 3 is missing"),
        ("DELETE FROM seal WHERE seq = 4", "entry 4 was inserted, or its link was removed"),
    ],
)
async def test_who_was_at_it_is_found_out(
    store: PostgresStore, postgres_url: str, statement: str, fault: str
) -> None:
    await _erase(store, await _written(store))
    await store.seal()

    # the texts of the first went before it was sealed, so it has nothing that commits to them
    expected = (
        "entry 1 was changed: it carries a text that it did not have"
        if "'request-of-one'" in statement
        else fault
    )
    await _do(postgres_url, statement)

    assert expected in (await _sealed(postgres_url))[2]


async def test_a_rebuild_keeps_the_chain(store: PostgresStore, postgres_url: str) -> None:
    await _erase(store, await _written(store))
    await store.seal()
    await _do(postgres_url, "DELETE FROM profile")

    await rebuild(read_address(postgres_url))

    assert await _sealed(postgres_url) == (5, 0, [])


async def test_an_older_database_is_upgraded_while_its_nodes_write(new_postgres: Callable[[], str]) -> None:
    """They know of no chain, and what they write is sealed with what was there."""
    url = await asyncio.to_thread(new_postgres)
    address = read_address(url)
    await require_current(address)
    older = await open_store(url, clock=ManualClock())
    try:
        # the schema of then is this one without the chain
        await _do(
            url, "DROP TABLE seal", "DROP TABLE chain", "UPDATE idsync_version SET version_num = '0003'"
        )
        await _written(older)
        assert await state_of(address) is SchemaState.OLDER
        # nor had it what came after the chain, which no node of then wrote to
        await _do(url, "DROP TABLE flag", "DROP TABLE watched", "ALTER TABLE identity DROP COLUMN flags")
        await _do(url, *(f"ALTER TABLE configuration DROP COLUMN {name}" for name in STAGING_COLUMNS))

        await upgrade(address)
        await Scribe(older).create(STAMP)
        newer = await open_store(url, clock=ManualClock())
        await newer.seal()
        await newer.close()
    finally:
        await older.close()

    assert await state_of(address) is SchemaState.CURRENT
    assert await _sealed(url) == (5, 0, [])
    assert (await check(address))[1] == []
