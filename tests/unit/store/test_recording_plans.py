"""What is recorded finds its values by the whole key, however many identities a graph has."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from idsync.model.recording import RecordedCall
from idsync.store.embedded.opening import open_store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL, OTHER_DEVICE


async def test_values_are_looked_up_by_type_and_digest(tmp_path: Path) -> None:
    """Those that are not in memory: a store that was opened anew, and values that nobody has."""
    database = tmp_path / "idsync.db"
    store = await open_store(f"sqlite:///{database}", clock=ManualClock())
    mpid = await Scribe(store).create(DEVICE)
    await store.close()
    store = await open_store(f"sqlite:///{database}", clock=ManualClock())
    # the connection that writes is made with the first entry
    await Scribe(store).create(OTHER_DEVICE)
    await store.settle()
    work = store._writer._work
    assert work is not None
    ran: list[str] = []
    work._folder.tables.set_trace_callback(ran.append)

    call = RecordedCall(GRAPH, 1, 0, "login", mpid, None, "a/rule", (DEVICE, MAIL))
    await store.calls.record_calls([(call, 1)], 1)
    await store.calls.forget_calls(GRAPH, [mpid], [DEVICE, MAIL])
    await store.close()

    looks = [statement for statement in ran if statement.startswith("WITH k")]
    assert len(looks) == 4
    connection = sqlite3.connect(database)
    plans = [str(connection.execute(f"EXPLAIN QUERY PLAN {look}").fetchall()) for look in looks]
    connection.close()
    assert all("graph_id=? AND type=? AND digest=?" in plan for plan in plans), plans
