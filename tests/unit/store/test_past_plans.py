"""A look at the past goes along the keys: it never walks a whole table, and a page is not sorted first."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from idsync.model.identity import Identity, IdentityType
from idsync.model.moment import Moment
from idsync.store.embedded.opening import open_store
from idsync.store.sql.reader import SqlReader
from idsync.testing.clock import START_MS, ManualClock
from idsync.testing.scribe import Scribe

_DEVICE = Identity(IdentityType.IOS_IDFV, "d")


async def test_no_look_at_the_past_walks_a_table(tmp_path: Path) -> None:
    database = tmp_path / "graph.db"
    clock = ManualClock()
    store = await open_store(f"sqlite:///{database}", clock=clock)
    scribe = Scribe(store)
    mpid = await scribe.create(_DEVICE)
    for _ in range(2):
        clock.advance(1)
        await scribe.give_back(mpid)
    await store.close()
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
    reader = SqlReader(engine)
    said: list[tuple[str, Any]] = []
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, parameters, *_: said.append((statement, parameters)),
    )

    for moment in (Moment(2), Moment(3, START_MS + 1)):
        assert list(await reader.profiles_at(scribe.graph, [mpid], moment)) == [mpid]
        assert await reader.find_profiles_at(scribe.graph, 1, moment, 10, mpid + 1) == [mpid]
    assert await reader.last_seq(scribe.graph) == 3
    await reader.close()

    plans = [_plan(database, statement, parameters) for statement, parameters in said]
    pages = [plan for (statement, _), plan in zip(said, plans, strict=True) if "DISTINCT" in statement]
    assert len(pages) == 2
    assert [step for plan in plans for step in plan if step.startswith("SCAN")] == []
    assert [step for plan in pages for step in plan if "TEMP" in step] == []


def _plan(database: Path, statement: str, parameters: Any) -> list[str]:
    with sqlite3.connect(database) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    connection.close()
    return [str(row[3]) for row in rows]
