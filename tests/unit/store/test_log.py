"""The log keeps what was answered, and nothing else: neither failed appends nor what was forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from idsync.model.errors import UnavailableError
from idsync.store.embedded.log import Log, connect, read_groups


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "graph.db.log"


@pytest.fixture
def log(path: Path) -> Iterator[Log]:
    log = Log(path)
    yield log
    log.close()


class FailsTooLate:
    """A connection whose next insertion is there although it failed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.fails = True

    def execute(self, text: str, *parameters: Any) -> sqlite3.Cursor:
        cursor = self.connection.execute(text, *parameters)
        if self.fails and text.startswith("INSERT"):
            self.fails = False
            raise sqlite3.OperationalError("disk I/O error")
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def _fail_too_late(log: Log) -> None:
    log._connection = cast("sqlite3.Connection", FailsTooLate(log._connection))
    with pytest.raises(UnavailableError):
        log.append(b"void").result(30)


def test_nothing_remains_of_a_failed_append(path: Path, log: Log) -> None:
    """ID-041: a refused call leaves no trace, also when the failing disk has kept it."""
    log.append(b"first").result(30)
    _fail_too_late(log)

    log.append(b"second").result(30)
    log.append(b"third").result(30)

    assert _bodies(path) == [b"first", b"second", b"third"]


class FailsToSync(FailsTooLate):
    """A connection that writes, and cannot tell whether that is on disk, as long as `fails` is true."""

    def execute(self, text: str, *parameters: Any) -> sqlite3.Cursor:
        cursor = self.connection.execute(text, *parameters)
        if self.fails and text.startswith(("INSERT", "COMMIT")):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return cursor


def test_what_may_be_on_disk_is_not_said_to_be_undone(path: Path, log: Log) -> None:
    """As long as it cannot be overwritten nothing further is taken; then it is gone, and writing goes on."""
    log.append(b"first").result(30)
    broken = FailsToSync(log._connection)
    log._connection = cast("sqlite3.Connection", broken)

    with pytest.raises(UnavailableError, match="cannot be told yet"):
        log.append(b"void").result(30)
    with pytest.raises(UnavailableError, match="nothing was changed"):
        log.append(b"never begun").result(30)
    broken.fails = False
    log.append(b"second").result(30)

    assert _bodies(path) == [b"first", b"second"]


def test_what_was_there_at_the_start_survives_a_failed_append(path: Path) -> None:
    """Answered writes that no fold has taken yet: removing what failed must not take them along."""
    before = Log(path)
    before.append(b"first").result(30)
    before.append(b"second").result(30)
    before.close()
    log = Log(path)
    _fail_too_late(log)

    log.append(b"third").result(30)
    log.close()

    assert _bodies(path) == [b"first", b"second", b"third"]


def test_exactly_what_was_folded_is_forgotten(path: Path, log: Log) -> None:
    rows = [log.append(body).result(30) for body in (b"first", b"second", b"third")]

    log.forget(rows[1]).result(30)

    assert _bodies(path) == [b"third"]


@pytest.mark.parametrize("size", [1, 2_000], ids=["a row", "many pages"])
def test_forgotten_values_are_in_no_file(path: Path, log: Log, size: int) -> None:
    """ID-212: an erased value must not be found in what the log left on disk."""
    log.append(b"somebody@example.com " * size).result(30)
    row = log.append(b"somebody@example.com " * size).result(30)

    log.forget(row).result(30)

    for file in path.parent.iterdir():
        assert b"somebody@example.com" not in file.read_bytes(), file.name


def test_a_long_log_is_read_in_parts(log: Log, path: Path) -> None:
    """Memory is bounded whatever was left behind; at least one group comes, however large."""
    body = b"x" * 5_000_000
    for _ in range(3):
        log.append(body).result(30)
    connection = connect(path)

    first = read_groups(connection, 0, 10)
    rest = read_groups(connection, first[-1][0], 10)
    some = read_groups(connection, 0, 10, up_to=1)
    connection.close()

    assert [len(first), len(rest), len(some)] == [2, 1, 1]


def test_groups_are_read_on_from_a_position(path: Path, log: Log) -> None:
    """The fold takes some at a time: none twice, none left out."""
    rows = [log.append(b"%d" % number).result(30) for number in range(5)]
    connection = connect(path)

    first = read_groups(connection, 0, 2)
    rest = read_groups(connection, first[-1][0], 10)
    connection.close()

    assert [*first, *rest] == [(row, b"%d" % number) for number, row in enumerate(rows)]


def _bodies(path: Path) -> list[bytes]:
    connection = connect(path)
    bodies = [body for _, body in read_groups(connection, 0, 100)]
    connection.close()
    return bodies
