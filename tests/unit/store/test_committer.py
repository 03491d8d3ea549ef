"""Which groups a failed write voids, and what becomes of those that come after it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import cast

import pytest

from idsync.model.errors import UnavailableError
from idsync.store.embedded.committer import STALL_LOOKS, Committer
from idsync.store.embedded.group import Group, NewIdentity
from idsync.store.embedded.log import Log
from idsync.store.embedded.pace import Pace


class SlowLog:
    """Writes when the test says so."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[Future[int]] = asyncio.Queue()

    def append(self, _body: bytes) -> Future[int]:
        future: Future[int] = Future()
        self.begun.put_nowait(future)
        return future


class Desk:
    """A committer, its log, and what its owner is told."""

    def __init__(self) -> None:
        self.log = SlowLog()
        self.told: list[tuple[str, list[int]]] = []
        self.committer = Committer(cast("Log", self.log), self.on_durable, self.on_failed)

    def on_durable(self, group: Group) -> None:
        assert not group.durable.done() or group.durable.exception() is not None
        self.told.append(("durable", [group.number, group.log_id]))

    def on_failed(self) -> None:
        self.told.append(("failed", [group.number for group in self.committer.open_groups()]))

    async def two_groups(self) -> tuple[Group, Group, Future[int]]:
        """Give a group that is being written, one that gathers behind it, and the write."""
        first = self.committer.group()
        write = await asyncio.wait_for(self.log.begun.get(), 30)
        return first, self.committer.group(), write


async def test_a_failed_write_voids_what_was_gathered_on_top_of_it() -> None:
    """ID-041: it may rest on what was never written, so whoever waits for either is refused."""
    desk = Desk()
    first, second, write = await desk.two_groups()

    write.set_exception(UnavailableError("the disk is full"))
    ends = await asyncio.wait_for(asyncio.gather(first.durable, second.durable, return_exceptions=True), 30)

    assert [type(end) for end in ends] == [UnavailableError, UnavailableError]
    assert desk.told == [("failed", [])]
    assert desk.committer.open_groups() == []


async def test_writing_goes_on_after_a_failed_write() -> None:
    """What comes later joins no void group, and reaches the log."""
    desk = Desk()
    first, second, write = await desk.two_groups()
    write.set_exception(UnavailableError("the disk is full"))
    await asyncio.wait_for(asyncio.gather(first.durable, second.durable, return_exceptions=True), 30)

    third = desk.committer.group()
    write = await asyncio.wait_for(desk.log.begun.get(), 30)
    write.set_result(7)
    await asyncio.wait_for(third.durable, 30)

    assert third.number == 3
    assert desk.told == [("failed", []), ("durable", [3, 7])]


async def test_what_gathered_meanwhile_is_written_next() -> None:
    """One write at a time: the second begins when the first has ended, without anything else happening."""
    desk = Desk()
    first, second, write = await desk.two_groups()
    await asyncio.sleep(0)
    assert desk.log.begun.empty()

    write.set_result(1)
    await asyncio.wait_for(first.durable, 30)
    write = await asyncio.wait_for(desk.log.begun.get(), 30)
    assert [group.number for group in desk.committer.open_groups()] == [2]
    write.set_result(2)
    await asyncio.wait_for(second.durable, 30)

    assert desk.told == [("durable", [1, 1]), ("durable", [2, 2])]
    assert desk.committer.open_groups() == []


async def test_any_failure_of_the_log_is_a_store_that_cannot_write() -> None:
    """Callers know one error for it; what the log's thread ran into is none of their business."""
    desk = Desk()
    first, second, write = await desk.two_groups()

    write.set_exception(OSError("no such device"))

    for group in (first, second):
        with pytest.raises(UnavailableError):
            await asyncio.wait_for(asyncio.shield(group.durable), 30)


async def test_a_group_that_cannot_be_encoded_is_refused() -> None:
    """It never reaches the log; those who wait for it are told, and the next one goes on."""
    desk = Desk()
    group = desk.committer.group()
    group.identities.append(NewIdentity(1, 1, 1, "half a pair: \ud83d"))
    with pytest.raises(UnavailableError):
        await asyncio.wait_for(asyncio.shield(group.durable), 30)
    assert desk.log.begun.empty()

    following = desk.committer.group()
    write = await asyncio.wait_for(desk.log.begun.get(), 30)
    write.set_result(1)
    await asyncio.wait_for(following.durable, 30)

    assert desk.told == [("failed", []), ("durable", [2, 1])]


async def test_only_what_is_not_on_disk_is_waited_for() -> None:
    """An answer rests on one group: the one being written, the one gathering, or none that is left."""
    desk = Desk()
    first, second, write = await desk.two_groups()

    assert desk.committer.durable_after(1) is first.durable
    assert desk.committer.durable_after(2) is second.durable
    write.set_result(1)
    await asyncio.wait_for(first.durable, 30)
    assert desk.committer.durable_after(1) is None


async def test_giving_up_waiting_spoils_nothing_for_others() -> None:
    """ID-041: a cancelled wait takes neither the write nor the answer from whoever else waits."""
    desk = Desk()
    first = desk.committer.group()
    write = await asyncio.wait_for(desk.log.begun.get(), 30)
    waiting = asyncio.create_task(desk.committer.settle())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert not first.durable.cancelled()
    write.set_result(1)
    await asyncio.wait_for(first.durable, 30)


async def test_settling_waits_for_what_is_still_gathering() -> None:
    """Inspection must not miss what was applied a moment before."""
    desk = Desk()
    first, second, write = await desk.two_groups()
    settling = asyncio.create_task(desk.committer.settle())
    write.set_result(1)
    await asyncio.wait_for(first.durable, 30)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not settling.done()

    write = await asyncio.wait_for(desk.log.begun.get(), 30)
    write.set_result(2)
    await asyncio.wait_for(settling, 30)
    assert second.durable.done()


async def test_nobody_waits_for_a_disk_that_does_not_answer() -> None:
    """Whoever waits is refused, what was gathered is void, and later ones are refused at once."""
    desk = Desk()
    first, second, write = await desk.two_groups()

    for _ in range(STALL_LOOKS):
        desk.committer._look()

    with pytest.raises(UnavailableError, match="cannot be told yet"):
        await first.durable
    with pytest.raises(UnavailableError, match="nothing was changed"):
        await second.durable
    with pytest.raises(UnavailableError, match="nothing was changed"):
        desk.committer.group()
    assert desk.told == [("failed", [1])]
    assert desk.committer.durable_after(1) is first.durable
    write.set_result(1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.told[1:] == [("durable", [1, 1])]
    assert desk.committer.durable_after(1) is None
    assert desk.committer.group().number == 3


async def test_a_stalled_write_may_fail_in_the_end() -> None:
    """Then it is void like any other, and writing goes on."""
    desk = Desk()
    _, _, write = await desk.two_groups()
    for _ in range(STALL_LOOKS):
        desk.committer._look()

    write.set_exception(UnavailableError("the disk is gone"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert desk.told == [("failed", [1]), ("failed", [])]
    assert desk.committer.group().number == 3


async def test_a_process_that_was_stopped_has_not_waited() -> None:
    """However late a look comes, it counts once: five of them, a second apart, are needed."""
    desk = Desk()
    first, _, write = await desk.two_groups()

    for _ in range(STALL_LOOKS - 1):
        desk.committer._look()
    write.set_result(1)

    await asyncio.wait_for(first.durable, 30)


async def test_whoever_waits_is_told_whatever_the_owner_meets() -> None:
    """A disk that cannot be written may be one that cannot be read: nobody may wait for good for that."""
    desk = Desk()
    first, second, write = await desk.two_groups()
    noted: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noted.append(context))

    def cannot_read() -> None:
        raise RuntimeError("what fails here")

    desk.committer._on_failed = cannot_read
    write.set_exception(UnavailableError("the disk is full"))
    ends = await asyncio.wait_for(asyncio.gather(first.durable, second.durable, return_exceptions=True), 30)

    assert [type(end) for end in ends] == [UnavailableError, UnavailableError]
    assert len(noted) == 1


class Patient(Pace):
    """Has every group wait for longer than any test takes."""

    def wait_s(self, now_s: float, entries: int) -> float:
        return 3_600.0


@pytest.mark.parametrize("is_first", [True, False], ids=["on its own", "behind a write"])
async def test_a_group_waits_as_long_as_the_pace_says(is_first: bool) -> None:
    """Where nothing is on its way, and where it gathered while something was."""
    desk = Desk()
    if is_first:
        desk.committer._pace = Patient()
        desk.committer.group()
    else:
        first, _, write = await desk.two_groups()
        desk.committer._pace = Patient()
        write.set_result(1)
        await asyncio.wait_for(first.durable, 30)
    for _ in range(10):
        await asyncio.sleep(0)

    assert desk.log.begun.empty()
    assert len(desk.committer.open_groups()) == 1
    desk.committer.close()
