"""One fold at a time, whoever waits for it or gives up."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from idsync.model.errors import UnavailableError
from idsync.store.embedded import table_writer
from idsync.store.embedded.fold_runner import FoldRunner
from idsync.store.embedded.group import Group
from idsync.store.embedded.log import Log, log_path
from idsync.store.embedded.table_writer import TableWriter
from idsync.store.sql.schema import create


class SlowFolds(FoldRunner):
    """Folds take until the test lets them end."""

    def __init__(self, path: Path) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.running = 0
        self.most_running = 0
        super().__init__(TableWriter(path), 0, lambda _: None)

    async def _fold(self, waiting: int) -> int:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.begun.set()
        await self.may_end.wait()
        self.running -= 1
        return self._latest


async def test_giving_up_ends_no_fold(tmp_path: Path) -> None:
    """A caller who goes away while his call waits must not set a second fold beside the first."""
    folds = SlowFolds(tmp_path / "idsync.db")
    folds.grown(1, 1)
    first = asyncio.create_task(folds.settle())
    await folds.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    second = asyncio.create_task(folds.settle())
    await asyncio.sleep(0)
    folds.may_end.set()
    await second

    assert folds.most_running == 1
    await folds.close()


async def test_closing_waits_for_the_fold(tmp_path: Path) -> None:
    """Its thread would otherwise go on with files that are closed."""
    folds = SlowFolds(tmp_path / "idsync.db")
    folds.grown(1, 1)
    waiting = asyncio.create_task(folds.settle())
    await folds.begun.wait()
    waiting.cancel()

    closing = asyncio.create_task(folds.close())
    await asyncio.sleep(0)
    folds.may_end.set()
    await closing

    assert folds.running == 0


async def test_whoever_waits_right_after_a_fold_gets_the_next_one(tmp_path: Path) -> None:
    """A fold has ended, nobody took note yet, and the log has grown: waiting must not spin on the old one."""
    folds = SlowFolds(tmp_path / "idsync.db")
    folds.may_end.set()
    folded = asyncio.Event()
    folds._on_folded = lambda _: folded.set()  # what resumes by this runs before the task's own callbacks

    async def latecomer() -> None:
        await folded.wait()
        folds.grown(2, 1)
        await folds.settle()

    folds.grown(1, 1)
    await asyncio.wait_for(asyncio.gather(folds.settle(), latecomer()), 30)

    assert folds._position == 2
    await folds.close()


async def test_a_stopped_process_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended and another one begins where it was: a fold may be late, and may not be gone for good."""
    database = tmp_path / "idsync.db"
    create(database)
    monkeypatch.setattr(table_writer, "_WRITTEN_HERE", 0)
    monkeypatch.setattr(table_writer, "STALL_S", 0.2)
    log = Log(log_path(database))
    row = log.append(Group(1, asyncio.get_running_loop().create_future()).body()).result(30)
    writer = TableWriter(database)
    folds = FoldRunner(writer, 0, lambda _: None)
    await writer._start_process()
    stopped = writer._process
    assert stopped is not None
    stopped.send_signal(signal.SIGSTOP)
    folds.grown(row, 1)

    with pytest.raises(UnavailableError):
        await folds.settle()
    monkeypatch.setattr(table_writer, "STALL_S", 30.0)
    await folds.settle()

    assert await stopped.wait() == -signal.SIGKILL
    assert folds._position == row
    await folds.close()
    await writer.close()
    log.close()


async def test_no_further_process_is_no_reason_not_to_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system gives none the service folds by itself."""
    database = tmp_path / "idsync.db"
    create(database)
    monkeypatch.setattr(table_writer, "_WRITTEN_HERE", 0)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    log = Log(log_path(database))
    row = log.append(Group(1, asyncio.get_running_loop().create_future()).body()).result(30)
    writer = TableWriter(database)
    folds = FoldRunner(writer, 0, lambda _: None)

    folds.grown(row, 1)
    await folds.settle()

    assert folds._position == row
    await folds.close()
    await writer.close()
    log.close()


async def test_whoever_writes_steadily_gets_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little comes at once: a fold in a thread takes the interpreter's lock from every call."""
    database = tmp_path / "idsync.db"
    create(database)
    monkeypatch.setattr(table_writer, "_WRITTEN_HERE", 3)
    log = Log(log_path(database))
    writer = TableWriter(database)
    folds = FoldRunner(writer, 0, lambda _: None)

    has_process = []
    for number in (1, 2, 3):
        row = log.append(Group(number, asyncio.get_running_loop().create_future()).body()).result(30)
        folds.grown(row, 1)
        await folds.settle()
        has_process.append(writer._process is not None)

    assert has_process == [False, False, True]
    assert folds._position == row
    await folds.close()
    await writer.close()
    log.close()
