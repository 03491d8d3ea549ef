"""`idsync erase` and `idsync export`: a person forgotten, and proof of it, in a terminal."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest

from idsync.client import AsyncClient
from idsync.config import Configuration, parse_configuration
from idsync.privacy.signing_key import SigningKey
from idsync.server.app import App
from idsync.store.embedded.opening import seal_file
from tests.e2e.conftest import CONFIGURATION
from tests.e2e.profiles import login
from tests.e2e.test_grpc_past import rename
from tests.program import Ended, idsync

OLD, NEW = "old@example.com", "new@example.com"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The key of the service."""
    path = tmp_path / "key.pem"
    path.write_bytes(SigningKey().pem())
    return path


@pytest.fixture
def configuration(tmp_path: Path, key_file: Path) -> Configuration:
    """What every store can sign with."""
    return parse_configuration(f'{CONFIGURATION}\n[privacy]\nsigning_key_file = "{key_file}"\n', tmp_path)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file, unless the test says otherwise."""
    if getattr(request, "param", "sqlite") == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'idsync.db'}"


on_each_database = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


async def _told(app: App, *words: str) -> Ended:
    return await idsync(*words, "--target", app.grpc_address, "--token", "op-token")


async def _erased(app: App, client: AsyncClient, receipt: Path) -> int:
    """Let somebody change his address, and go; a stranger shares his device."""
    mpid = await login(client, email=OLD, ios_idfv="tablet")
    await rename(client, mpid, OLD, NEW)
    await login(client, customerid="c-2", ios_idfv="tablet")
    told = await _told(app, "erase", str(mpid), "--yes", "--request", "case-1", "--receipt", str(receipt))
    assert (told.code, told.err) == (0, "")
    return mpid


async def _verified(receipt: Path, database_url: str, key_file: Path) -> Ended:
    return await idsync(
        "erase", "verify", str(receipt), "--database", database_url, "--key-file", str(key_file)
    )


async def _write(database_url: str, statement: str, *values: bytes) -> None:
    """Do what nobody should, past the service."""
    if database_url.startswith("sqlite"):
        _write_file(database_url.removeprefix("sqlite:///"), statement, values)
        return
    for place in range(len(values)):
        statement = statement.replace("?", f"${place + 1}", 1)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


def _write_file(path: str, statement: str, values: tuple[bytes, ...]) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, values)
    connection.close()


async def test_preview_tells_and_changes_nothing(app: App, client: AsyncClient) -> None:
    mpid = await login(client, email=OLD, ios_idfv="tablet")
    other = await login(client, customerid="c-2", ios_idfv="tablet")

    told = await _told(app, "erase", f"email={OLD}", "--scope", "retail", "--preview")
    shared = await _told(app, "erase", "ios_idfv=tablet", "--scope", "retail", "--preview", "--json")
    refused = await _told(app, "erase", "ios_idfv=tablet", "--scope", "retail", "--yes")
    unasked = await _told(app, "erase", str(mpid))
    shown = await _told(app, "profile", str(mpid))

    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert lines[0].startswith(f"profile     {mpid}  known, since 2026-01-01T00:00:00Z: 1 email, 1 ios_idfv")
    assert lines[1:4] == [
        "removes     1 email",
        "stays       ios_idfv=tablet  (other holders: 1)",
        "aliases     0 requests",
    ]
    assert {int(p["mpid"]) for p in shared.document["profiles"]} == {mpid, other}
    assert (refused.code, refused.out) == (1, "")
    assert "2 profiles hold" in refused.err
    assert unasked.code == 1
    assert unasked.err.splitlines()[-1] == "nothing was erased; say --yes"
    assert f"email={OLD}" in shown.out


@on_each_database
async def test_a_receipt_holds_while_nobody_touches_what_it_says(
    app: App, client: AsyncClient, tmp_path: Path, database_url: str, key_file: Path
) -> None:
    """A new life of the same identities is nobody's fault (ID-213); the service runs meanwhile."""
    receipt = tmp_path / "receipt.json"
    mpid = await _erased(app, client, receipt)
    before = await _verified(receipt, database_url, key_file)
    again = await login(client, email=NEW)
    await app.store.settle()

    after = await _verified(receipt, database_url, key_file)

    assert again != mpid
    assert (before.code, before.err) == (0, "")
    assert (after.code, after.err) == (0, "")
    assert "2 values are gone" in after.out


@on_each_database
@pytest.mark.parametrize(
    ("statement", "values", "fault"),
    [
        (
            "UPDATE journal SET rule = 'forged' WHERE seq = 2",
            (),
            "the journal was tampered with: entry 2 was changed, or its link was",
        ),
        ("DELETE FROM journal WHERE seq = 3", (), "the journal was tampered with: entry 3 is missing"),
        (
            "UPDATE identity SET value = ?, digest = ? WHERE identity_id = 1",
            (OLD.encode(), sha256(OLD.encode()).digest()),
            "erased values are back in the old life: 1 of 2",
        ),
        ("UPDATE profile SET erased = 0", (), "is not erased"),
    ],
    ids=["changed", "removed", "value", "profile"],
)
async def test_a_receipt_does_not_hold_against_who_was_at_the_database(
    app: App,
    client: AsyncClient,
    tmp_path: Path,
    database_url: str,
    key_file: Path,
    statement: str,
    values: tuple[bytes, ...],
    fault: str,
) -> None:
    receipt = tmp_path / "receipt.json"
    await _erased(app, client, receipt)
    await _write(database_url, statement, *values)

    told = await _verified(receipt, database_url, key_file)

    assert (told.code, told.out) == (1, "")
    assert fault in told.err


async def test_a_chain_computed_anew_is_not_the_receipts(
    app: App, client: AsyncClient, tmp_path: Path, database_url: str, key_file: Path
) -> None:
    """What a chain alone cannot tell: all of its links were rewritten."""
    receipt = tmp_path / "receipt.json"
    await _erased(app, client, receipt)
    forged = tmp_path / "forged.db"
    await asyncio.to_thread(_forge, Path(database_url.removeprefix("sqlite:///")), forged)
    await asyncio.to_thread(seal_file, forged)

    told = await _verified(receipt, f"sqlite:///{forged}", key_file)

    assert told.code == 1
    assert told.err == "the journal was tampered with: its link at entry 4 is not the receipt's\n"


def _forge(database: Path, forged: Path) -> None:
    source, copy = sqlite3.connect(database), sqlite3.connect(forged)
    source.backup(copy)
    source.close()
    with copy:
        copy.execute("UPDATE journal SET rule = 'forged' WHERE seq = 2")
        copy.execute("DELETE FROM seal")
        # the log of a copy is another one
        copy.execute("DELETE FROM fold_position")
    copy.close()


async def test_a_receipt_of_which_a_byte_was_changed(
    app: App, client: AsyncClient, tmp_path: Path, database_url: str, key_file: Path
) -> None:
    receipt = tmp_path / "receipt.json"
    await _erased(app, client, receipt)
    receipt.write_text(receipt.read_text().replace("case-1", "case-2"))
    other = tmp_path / "other.pem"
    other.write_bytes(SigningKey().pem())

    changed = await _verified(receipt, database_url, key_file)
    with_other = await _verified(receipt, database_url, other)

    assert (changed.code, with_other.code) == (1, 1)
    assert "the receipt was changed" in changed.err
    assert "names the key" in with_other.err


async def test_the_second_is_told_by_which_erasure(app: App, client: AsyncClient, tmp_path: Path) -> None:
    first, again = tmp_path / "receipt.json", tmp_path / "again.json"
    mpid = await _erased(app, client, first)

    told = await _told(app, "erase", str(mpid), "--yes")
    erasure_id = json.loads(first.read_text())["statement"]["erasure_id"]
    shown = await _told(app, "erase", "show", erasure_id, "--receipt", str(again))

    assert told.code == 1
    assert told.err == f"ALREADY_ERASED: the profile {mpid} was erased before by erasure {erasure_id}\n"
    assert shown.code == 0
    assert again.read_bytes() == first.read_bytes()


async def test_export_is_one_document(app: App, client: AsyncClient, tmp_path: Path) -> None:
    mpid = await login(client, email=OLD)
    await rename(client, mpid, OLD, NEW)
    out = tmp_path / "data.json"

    printed = await _told(app, "export", str(mpid))
    written = await _told(app, "export", str(mpid), "--out", str(out))
    again = await _told(app, "export", str(mpid), "--out", str(out))

    document = json.loads(out.read_text())
    assert document == printed.document
    assert [i["identity"]["value"] for i in document["identities"]] == [OLD, NEW]
    assert [entry["cause"] for entry in document["entries"]] == ["login", "modify"]
    assert (written.code, written.out, again.code) == (0, "", 1)
    assert out.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "words",
    [
        ["erase", "nonsense", "--yes"],
        ["erase", "email=a@example.com", "--yes"],
        ["erase", "shoesize=9", "--scope", "retail"],
        ["erase", "verify", "no-such-file"],
        ["erase", "99999999999999999999", "--yes"],
        ["export", "x"],
        ["db", "compact", "--database", "postgresql://localhost/x"],
    ],
)
async def test_wrong_usage(words: list[str]) -> None:
    assert (await idsync(*words)).code == 2
