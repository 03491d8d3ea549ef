"""A service that is stopped, or its fold process stopped or killed: it goes on, and never hangs."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from idsync.client import identities
from idsync.model.errors import UnavailableError
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.load import SignUps, holders, require_clean, search, until
from tests.crash.served import Served, served

CROWD = 4_096
"""New people that come at once: more than the fold takes on without a process of its own."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="/proc names no children here")


def children_of(process: int) -> list[int]:
    """List the processes that a process has started and that have not ended."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in listed if _is_alive(int(child))]


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


async def a_crowd(service: Served, people: SignUps, name: str) -> None:
    """Let many sign up at once, in batches."""
    async with service.client() as client:
        batches = [[f"{name}-{n}" for n in range(start, start + 1_000)] for start in range(0, CROWD, 1_000)]
        answers = await asyncio.gather(
            *(
                client.batch_resolve(
                    pb.BatchResolveRequest(
                        calls=[
                            pb.ResolveCall(
                                login=pb.LoginRequest(
                                    environment=ENVIRONMENT_PRODUCTION,
                                    known_identities=identities({"customerid": each}),
                                )
                            )
                            for each in batch
                        ]
                    ),
                    timeout_s=60,
                )
                for batch in batches
            )
        )
    for batch, answer in zip(batches, answers, strict=True):
        people.acknowledged |= {
            each: result.login.mpid for each, result in zip(batch, answer.results, strict=True)
        }


async def fold_process(service: Served, people: SignUps) -> int:
    """Have the service start the process that folds; gives it once it has begun."""
    async with asyncio.timeout(60):
        number = 0
        while not children_of(service.process.pid):
            await a_crowd(service, people, f"crowd-{number}")
            number += 1
    [child] = children_of(service.process.pid)
    await until(lambda: _has_tables(child), "the beginning of the fold process")
    return child


def _has_tables(pid: int) -> bool:
    """Say whether a process has a database open: before that it is not yet what it is to be."""
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if descriptor.readlink().name == "idsync.db":
                    return True
    return False


async def test_a_service_that_was_stopped_goes_on(tmp_path: Path) -> None:
    """SIGSTOP and SIGCONT under load: the callers wait, and each is answered in the end."""
    people = SignUps()
    async with served(tmp_path) as service:
        people.begin(service)
        for _ in range(3):
            await people.more()
            service.process.send_signal(signal.SIGSTOP)
            before = len(people.acknowledged)
            await asyncio.sleep(0.5)  # this is how long it is stopped
            assert len(people.acknowledged) <= before + 16
            service.process.send_signal(signal.SIGCONT)
        await people.more()
        await people.end()
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    assert people.refused == {}


async def test_a_fold_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    """What it had begun is as if it had not; nobody notices, not even who looks into the tables."""
    people = SignUps()
    async with served(tmp_path) as service, service.client() as client:
        child = await fold_process(service, people)
        people.begin(service)
        for _ in range(3):
            os.kill(child, signal.SIGKILL)
            await until(lambda gone=child: not _is_alive(gone), "the end of the fold process")  # type: ignore[misc]
            await people.more()
            assert len(await holders(client, "device of person-0")) == 1
            [child] = children_of(service.process.pid)
        await people.end()
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    assert people.refused == {}


async def test_a_fold_process_that_is_stopped_holds_up_no_call(tmp_path: Path) -> None:
    """The log is enough for an answer; whoever looks into the tables is refused in bounded time."""
    people = SignUps()
    async with served(tmp_path) as service, service.client() as client:
        child = await fold_process(service, people)
        os.kill(child, signal.SIGSTOP)
        people.begin(service)
        await people.more(300)
        assert await search(client, "person-0") == people.acknowledged["person-0"]
        async with asyncio.timeout(30):
            with pytest.raises(UnavailableError) as refused:
                await holders(client, "device of person-0")
        os.kill(child, signal.SIGCONT)
        await people.more()
        await people.end()
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    assert people.refused == {}
    assert refused.value.retry_delay_s > 0


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL])
async def test_a_stopped_fold_process_does_not_outlive_the_service(
    tmp_path: Path, ended_by: signal.Signals
) -> None:
    """It would hold the tables against the next service for good."""
    people = SignUps()
    async with served(tmp_path) as service:
        child = await fold_process(service, people)
        os.kill(child, signal.SIGSTOP)
        people.begin(service)
        await people.more()
        await people.end()
        service.process.send_signal(ended_by)
        async with asyncio.timeout(50):
            code = await service.process.wait()
        await until(lambda: not _is_alive(child), "the end of the fold process")
    async with served(tmp_path) as service:
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    assert code == (0 if ended_by is signal.SIGTERM else -signal.SIGKILL)
