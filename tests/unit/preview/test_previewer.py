"""The process that replays: one at a time, gone with whoever asked; and what was not recorded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGKILL, SIGSTOP
from typing import Any

import pytest

from idsync.model.errors import IdsyncError, OverloadedError
from idsync.model.identity import Identity, IdentityType
from idsync.model.recording import RecordedSpan
from idsync.preview.previewer import Previewer, Progress, gaps_in
from idsync.preview.report import Gap, Report
from idsync.store.embedded.opening import open_store
from idsync.store.memory import MemoryStore
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.policies import sound_policies
from idsync.testing.scribe import GRAPH, Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE
from tests.properties.playing import STRATEGIES

_PATIENCE_S = 30.0
CANDIDATE = sound_policies(STRATEGIES[0])[0]


def children(process: int | None = None) -> set[int]:
    """The processes that this one, or another, has started and that have not ended."""
    of = process or os.getpid()
    try:
        return set(map(int, Path(f"/proc/{of}/task/{of}/children").read_text().split()))
    except OSError:
        return set()


def is_running(process: int) -> bool:
    """Say whether a process has not ended, or at least not been collected by init."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def a_store() -> MemoryStore:
    store = MemoryStore(clock=ManualClock())
    await Scribe(store).create(DEVICE, CUSTOMER)
    return store


async def test_one_at_a_time() -> None:
    """Each takes a core and much memory, so that a second is refused until the first has ended."""
    previewer = Previewer(await a_store(), None)
    first = previewer.preview(GRAPH, CANDIDATE, 0)
    assert await anext(first) == Progress(0, 1, 0)

    with pytest.raises(OverloadedError, match="another preview"):
        await anext(previewer.preview(GRAPH, CANDIDATE, 0))

    await first.aclose()
    second = previewer.preview(GRAPH, CANDIDATE, 0)
    assert await anext(second) == Progress(0, 1, 0)
    await second.aclose()


async def test_it_ends_with_a_report() -> None:
    previewer = Previewer(await a_store(), None)

    told = [each async for each in previewer.preview(GRAPH, CANDIDATE, 0)]

    assert isinstance(told[-1], Report)
    assert told[-1].gaps == [Gap(1, 1)]
    assert told[-1].until_seq == 1


async def test_who_leaves_takes_the_process_along() -> None:
    before = children()
    previewer = Previewer(await a_store(), None)
    replay = previewer.preview(GRAPH, CANDIDATE, 0)
    await anext(replay)
    waiting = asyncio.ensure_future(anext(replay))
    async with asyncio.timeout(_PATIENCE_S):
        while children() == before and not waiting.done():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)

        started = children() - before
        waiting.cancel()
        await asyncio.wait([waiting])

    assert started
    assert children() == before


async def test_a_process_that_dies_is_told() -> None:
    """Killed from outside, for want of memory perhaps: the caller gets an error and no half report."""
    before = children()
    previewer = Previewer(await a_store(), None)
    replay = previewer.preview(GRAPH, CANDIDATE, 0)
    await anext(replay)
    waiting = asyncio.ensure_future(anext(replay))
    async with asyncio.timeout(_PATIENCE_S):
        while not (started := children() - before):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        for process in started:
            os.kill(process, 9)

        with pytest.raises(IdsyncError, match="ended with an error"):
            await waiting


@pytest.mark.parametrize(
    ("spans", "until_seq", "gaps"),
    [
        ([], 0, []),
        ([], 5, [(1, 5)]),
        ([(0, 5)], 5, []),
        ([(0, 9)], 5, []),
        ([(2, 5)], 5, [(1, 2)]),
        ([(0, 3)], 5, [(4, 5)]),
        ([(0, 3), (5, 9)], 9, [(4, 5)]),
        ([(0, 7), (2, 4), (6, 9)], 9, []),
        ([(7, 9), (0, 3)], 9, [(4, 7)]),
        ([(7, 9)], 5, [(1, 5)]),
    ],
)
def test_gaps(spans: list[tuple[int, int]], until_seq: int, gaps: list[tuple[int, int]]) -> None:
    """What no process covers, whichever others do."""
    told = [RecordedSpan(GRAPH, number, *span, 0) for number, span in enumerate(spans)]

    assert [tuple(gap) for gap in gaps_in(told, until_seq)] == gaps


# -- the process that reads ahead ----------------------------------------------------------------------------


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Store]:
    """A history on disk, longer than what a pipe holds, so that whoever reads it has to wait."""
    store = await open_store(f"sqlite:///{tmp_path / 'graph.db'}", clock=ManualClock())
    try:
        scribe = Scribe(store)
        for number in range(600):
            await scribe.create(Identity(IdentityType.CUSTOMERID, f"{number:0>250}"))
        await store.settle()
        yield store
    finally:
        await store.close()


async def processes_of(previewer: Previewer, before: set[int]) -> tuple[asyncio.Future[Any], list[int]]:
    """Begin a replay, and stop the one that replays as soon as there is one that reads for it."""
    replay = previewer.preview(GRAPH, CANDIDATE, 0)
    await anext(replay)
    waiting = asyncio.ensure_future(anext(replay))
    async with asyncio.timeout(_PATIENCE_S):
        while not (readers := [(c, r) for c in children() - before for r in children(c)]):
            assert not waiting.done()
            await asyncio.sleep(0)
    return waiting, list(readers[0])


async def test_a_history_on_disk_is_read_to_its_end(kept: Store) -> None:
    told = [each async for each in Previewer(kept, None).preview(GRAPH, CANDIDATE, 0)]

    assert isinstance(told[-1], Report)
    assert told[-1].until_seq == 600


async def test_who_leaves_takes_the_reader_along(kept: Store) -> None:
    before = children()
    waiting, processes = await processes_of(Previewer(kept, None), before)
    for process in processes:
        os.kill(process, SIGSTOP)

    waiting.cancel()
    await asyncio.wait([waiting])

    async with asyncio.timeout(_PATIENCE_S):
        while any(is_running(process) for process in processes):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)


async def test_a_reader_that_dies_is_told(kept: Store) -> None:
    """What it has not read any more is no shorter history: the caller gets an error and no report."""
    before = children()
    waiting, (_, reader) = await processes_of(Previewer(kept, None), before)
    os.kill(reader, SIGKILL)

    async with asyncio.timeout(_PATIENCE_S):
        with pytest.raises(IdsyncError, match="reads the history ended with an error"):
            await waiting


async def test_a_history_that_cannot_be_read_is_told(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(kept), "history_url", property(lambda _: "oracle://nowhere"))

    with pytest.raises(IdsyncError, match="the database must be given as"):
        _ = [each async for each in Previewer(kept, None).preview(GRAPH, CANDIDATE, 0)]
