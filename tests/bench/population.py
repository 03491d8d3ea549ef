"""A large embedded store, written in bulk: as if the service had met every one of many people, one by one.

Three people are introduced to a real service on a clock of ours; what it wrote for them is learned, and
written for all the others table by table in the order of keys. `idsync db check` agrees with the result.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from idsync.client import AsyncClient, BasicCredentials
from idsync.config import load_configuration
from idsync.server.app import open_app
from tests.bench.learned import TABLES, learn, rows_of
from tests.bench.servers import CONFIGURATION, KEY, SECRET
from tests.bench.workloads import digits, request

__all__ = ["people_in", "populate"]

_LEARNED_FROM: Final = 3
_DAY_MS: Final = 86_400_000
_MPIDS_PER_MS: Final = 1 << 21
_CACHE_KIB: Final = 3_000_000
"""Enough for the index by value, which meets its keys in no order."""


async def populate(database: Path, people: int) -> None:
    """Write a new database of people with the numbers from 0, four identities each.

    Raises:
        ValueError: The service writes something that cannot be learned.
    """
    folder = database.parent
    (folder / "population.toml").write_text(CONFIGURATION)
    # a millisecond each, and all of them before now, since MPIDs are minted in the order of time
    now_ms = time.time_ns() // 1_000_000 - people - _DAY_MS
    seen: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}
    examples, mpids = [], []
    for person in range(_LEARNED_FROM):
        mpids.append(await _meet(database, person, now_ms + person))
        with sqlite3.connect(database) as connection:
            examples.append(rows_of(connection, seen))
        connection.close()
        for table, rows in examples[-1].items():
            seen[table] += rows
    names = [digits(person).decode() for person in range(_LEARNED_FROM)]
    learned = learn(examples, mpids, names)
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        first = mpids[-1] - (_LEARNED_FROM - 1) * _MPIDS_PER_MS
        connection.create_function("digits", 1, lambda n: digits(n).decode(), deterministic=True)
        connection.create_function("digest", 1, lambda v: hashlib.sha256(v).digest(), deterministic=True)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for table, templates in learned.items():
            connection.execute("BEGIN")
            connection.execute(_insert(table, [row.expressions for row in templates], people, first))
            connection.execute("COMMIT")
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    finally:
        connection.close()


def _insert(table: str, templates: list[tuple[str, ...]], people: int, first_mpid: int) -> str:
    """Write one statement that goes through all people, and through the rows of each in their order."""
    columns = [
        templates[0][at]
        if len({template[at] for template in templates}) == 1
        else "CASE r.k " + " ".join(f"WHEN {k} THEN {t[at]}" for k, t in enumerate(templates)) + " END"
        for at in range(len(templates[0]))
    ]
    rows = ", ".join(f"({k})" for k in range(len(templates)))
    begin = f"SELECT {_LEARNED_FROM}, {first_mpid + _LEARNED_FROM * _MPIDS_PER_MS}, digits({_LEARNED_FROM})"
    go_on = f"SELECT n + 1, mpid + {_MPIDS_PER_MS}, digits(n + 1) FROM person WHERE n + 1 < {people}"
    return (
        f"WITH RECURSIVE person(n, mpid, digits) AS ({begin} UNION ALL {go_on}), r(k) AS (VALUES {rows}) "
        f"INSERT INTO {table} SELECT {', '.join(columns)} FROM person CROSS JOIN r"
    )


async def _meet(database: Path, person: int, at_ms: int) -> int:
    """Introduce one person to the service at a time; returns the MPID."""
    configuration = load_configuration(database.parent / "population.toml")
    async with (
        open_app(configuration, f"sqlite:///{database}", "127.0.0.1:0", clock=lambda: at_ms) as app,
        AsyncClient(app.local_transport, BasicCredentials(KEY, SECRET)) as client,
    ):
        return (await client.identify(request(digits(person).decode()))).mpid


def people_in(database: Path) -> int:
    """Count the people that the service has met, which is the number of the next one."""
    connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    try:
        count: int = connection.execute("SELECT count(*) FROM profile").fetchone()[0]
    finally:
        connection.close()
    return count
