"""The tables are opened for whoever looks into them, and by nobody else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from idsync.store.embedded.inspection import Inspection
from idsync.store.sql.schema import create

_HEAVY = "sqlalchemy", "aiosqlite", "alembic", "networkx"
_START = f"""
import asyncio, sys
from pathlib import Path
import idsync.cli.serve, idsync.cli.http_server, idsync.gateway.app
from idsync.config import parse_configuration
from idsync.server.app import open_app

TEXT = '''
[scopes.s]
strategy = "default"
[workspaces.w]
scope = "s"
[[workspaces.w.inputs]]
platform = "ios"
key = "k"
secret = "x"
'''

async def start():
    here = Path(sys.argv[1])
    async with open_app(parse_configuration(TEXT, here), f"sqlite:///{{here}}/graph.db", "127.0.0.1:0"):
        return [name for name in {_HEAVY!r} if name in sys.modules]

print(asyncio.run(start()))
"""


def test_a_start_imports_nothing_that_only_inspection_needs(tmp_path: Path) -> None:
    """It would take longer than all else; a new file gets its schema by it, and only that start does."""
    start = [sys.executable, "-c", _START, str(tmp_path)]
    created = subprocess.run(start, capture_output=True, text=True, check=True, timeout=120)
    again = subprocess.run(start, capture_output=True, text=True, check=True, timeout=120)

    assert "sqlalchemy" in created.stdout
    assert again.stdout.split() == ["[]"]


async def test_all_who_look_share_one_reader(tmp_path: Path) -> None:
    """Also when the first of them gives up."""
    create(tmp_path / "graph.db")
    inspection = Inspection(tmp_path / "graph.db")
    impatient = asyncio.create_task(inspection.tables())
    others = [asyncio.create_task(inspection.tables()) for _ in range(3)]
    await asyncio.sleep(0)
    impatient.cancel()
    readers = await asyncio.gather(*others)

    assert len(set(map(id, readers))) == 1
    assert await readers[0].graphs() == []
    await inspection.close()


async def test_what_nobody_looked_into_is_closed_all_the_same(tmp_path: Path) -> None:
    await Inspection(tmp_path / "graph.db").close()
