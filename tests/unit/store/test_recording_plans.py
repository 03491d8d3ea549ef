"""What is recorded finds its values by the whole key, however many identities a graph has."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import event

from idsync.model.recording import RecordedCall
from idsync.store.embedded.opening import open_store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL


async def test_values_are_looked_up_by_type_and_digest(tmp_path: Path) -> None:
    database = tmp_path / "idsync.db"
    store = await open_store(f"sqlite:///{database}", clock=ManualClock())
    mpid = await Scribe(store).create(DEVICE)
    tables = await store._inspection.tables()
    ran: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_more: object) -> None:
        if statement.startswith("SELECT") and "digest IN" in statement:
            ran.append((statement, values))

    event.listen(tables._engine.sync_engine, "before_cursor_execute", note)
    call = RecordedCall(GRAPH, 1, 0, "login", mpid, None, "a/rule", (DEVICE, MAIL))
    await store.record_calls([(call, 1)], 1)
    await store.forget_calls(GRAPH, [mpid], [DEVICE, MAIL])
    await store.close()

    assert {statement.split("FROM ")[1].split()[0] for statement, _ in ran} == {"identity", "recorded_value"}
    connection = sqlite3.connect(database)
    plans = [
        str(connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall())
        for statement, values in ran
    ]
    connection.close()
    assert all("graph_id=? AND type=? AND digest=?" in plan for plan in plans), plans
