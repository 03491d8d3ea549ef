"""A service without a configuration: credentials are made once, kept, and only where a service came of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from idsync.client import AsyncClient
from idsync.v1.identity_service_pb2 import GetCallerRequest
from tests.program import addresses_of, end, idsync, start

ANYWHERE = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
KEPT = "demo-credentials.json"


@pytest.mark.parametrize("flags", [(), ("--processes", "2")], ids=["one process", "two fronts"])
async def test_credentials_are_shown_once_and_kept(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """For their owner's eyes only; they are those that the service takes, also the next time."""
    command = ("serve", "--database", f"sqlite:///{tmp_path / 'new' / 'x.db'}", *ANYWHERE, *flags)
    shown = []
    for _ in range(2):
        process = await start(*command)
        assert process.stdout is not None
        addresses = addresses_of((await process.stdout.readline()).decode())
        kept = json.loads((tmp_path / "new" / KEPT).read_text())
        async with AsyncClient.connect(addresses.grpc, key=kept["key"], secret=kept["secret"]) as client:
            caller = await client.get_caller(GetCallerRequest())
        process.terminate()
        ended = await end(process)
        shown.append(ended.err.count(kept["secret"]))
        assert (caller.workspace, ended.code) == ("demo", 0)

    assert shown == [1, 0]
    assert (tmp_path / "new" / KEPT).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "url", ["sqlite:///{}/new/x.db?y", "sqlite:///", "nosuch:///{}/new/x.db", "postgresql://u@h:port/d", "x"]
)
async def test_a_database_that_is_refused_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """No credentials of a service that never was, wherever they would have been kept."""
    monkeypatch.chdir(tmp_path)

    ended = await idsync("serve", "--database", url.format(tmp_path), *ANYWHERE)

    assert (ended.code, ended.out) == (1, "")
    assert "cannot start" in ended.err
    assert "secret" not in ended.err
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


async def test_somebody_elses_database_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """A file that is not ours is refused and left as it is."""
    database = tmp_path / "theirs.db"
    with sqlite3.connect(database) as theirs:
        theirs.execute("CREATE TABLE theirs (x)")
    theirs.close()
    before = database.read_bytes()

    ended = await idsync("serve", "--database", f"sqlite:///{database}", *ANYWHERE)

    assert ended.code == 1
    assert not (tmp_path / KEPT).exists()
    assert await asyncio.to_thread(database.read_bytes) == before


async def test_credentials_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """They are not made anew over those that somebody may have given on."""
    (tmp_path / KEPT).write_text("junk")

    ended = await idsync("serve", "--database", f"sqlite:///{tmp_path / 'x.db'}", *ANYWHERE)

    assert ended.code == 1
    assert KEPT in ended.err
    assert (tmp_path / KEPT).read_text() == "junk"
    assert not (tmp_path / "x.db").exists()
