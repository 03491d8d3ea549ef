"""Each table that is not the fold of the journal is named by a check, and put right by a rebuild."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from idsync.model.aliasing import AliasTerms
from idsync.model.errors import StoreError
from idsync.model.identity import Environment, GraphKey
from idsync.model.journal import Change, ChangeKind
from idsync.store.postgres.address import read_address
from idsync.store.postgres.audit import check, rebuild
from idsync.store.postgres.store import PostgresStore
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL, NICKNAME, OTHER_DEVICE
from tests.program import idsync

pytestmark = pytest.mark.postgres

ENTRIES = 9
TABLES = ("alias", "directory", "graph", "identity", "journal", "link", "profile")


@pytest.fixture
async def url(store: PostgresStore, postgres_url: str) -> str:
    """A database with some of everything in two graphs."""
    scribe = Scribe(store)
    first, second = await scribe.create(DEVICE, CUSTOMER), await scribe.create(MAIL)
    await scribe.remove(first, DEVICE)
    await scribe.describe(second, DEVICE)
    await scribe.give_back(first)
    terms = AliasTerms(first, second, 0, 1, "mpid", None, 2)
    await scribe.write(first, Change(ChangeKind.ALIAS_TAKEN, first, other=second, terms=terms))
    await scribe.erase(await scribe.create(OTHER_DEVICE))
    await Scribe(store, GraphKey("other", Environment.DEVELOPMENT)).create(DEVICE, NICKNAME)
    return postgres_url


async def tables(url: str) -> dict[str, list[Any]]:
    """Give every row."""
    connection = await asyncpg.connect(url)
    try:
        return {name: sorted(map(str, await connection.fetch(f"SELECT * FROM {name}"))) for name in TABLES}
    finally:
        await connection.close()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_what_calls_wrote_is_the_fold_of_the_journal(url: str) -> None:
    assert await check(read_address(url)) == (ENTRIES, [])


@pytest.mark.parametrize(
    ("damage", "table"),
    [
        ("UPDATE profile SET recency = recency + 1 WHERE created_seq = 1", "profile"),
        ("DELETE FROM link WHERE until_seq IS NOT NULL", "link"),
        ("UPDATE link SET kind = 4 WHERE until_seq IS NULL AND kind > 0", "link"),
        ("UPDATE link SET recency = 0 WHERE until_seq IS NULL", "link"),
        ("UPDATE alias SET state = 3", "alias"),
        ("DELETE FROM directory", "directory"),
        ("UPDATE identity SET version = 77", "identity"),
        ("UPDATE identity SET holders = '[2,9]'", "identity"),
        ("UPDATE graph SET last_seq = 77", "graph"),
    ],
)
async def test_damage_is_found_and_put_right(url: str, damage: str, table: str) -> None:
    """A check names it and leaves it; a rebuild names it and mends it."""
    before = await tables(url)
    await execute(url, damage)
    damaged = await tables(url)

    checked = await check(read_address(url))
    left = await tables(url)
    rebuilt = await rebuild(read_address(url))

    assert checked == rebuilt
    assert (checked[0], [difference.table for difference in checked[1]]) == (ENTRIES, [table])
    assert left == damaged != before
    assert await tables(url) == before
    assert await check(read_address(url)) == (ENTRIES, [])


async def test_a_gap_in_the_journal_is_named(url: str) -> None:
    await execute(url, "DELETE FROM journal WHERE seq = 2")
    before = await tables(url)

    for audit in (check, rebuild):
        with pytest.raises(StoreError, match="gap before entry 3"):
            await audit(read_address(url))

    assert await tables(url) == before


async def test_writers_wait_for_a_rebuild(url: str, store: PostgresStore) -> None:
    """Nothing that is written meanwhile is lost, and nothing is counted twice."""
    scribe = Scribe(store)

    await asyncio.gather(rebuild(read_address(url)), *(scribe.create(DEVICE) for _ in range(5)))

    assert await check(read_address(url)) == (ENTRIES + 5, [])


async def test_the_commands_work_on_a_server(url: str) -> None:
    """`idsync db check`, `rebuild` and `upgrade`."""
    await execute(url, "DELETE FROM directory")

    found = await idsync("db", "check", "--database", url)
    mended = await idsync("db", "rebuild", "--database", url)
    upgraded = await idsync("db", "upgrade", "--database", url)

    assert (found.code, "directory" in found.out) == (1, True)
    assert (mended.code, "rebuilt" in mended.out) == (0, True)
    assert (upgraded.code, upgraded.out.strip()) == (0, "the schema is current")
    assert (await idsync("db", "check", "--database", f"{url}_not")).code == 1
