"""A disk that syncs slowly, fails to, or never answers: an honest refusal, and nothing half done (ID-041)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from idsync.model.errors import UnavailableError
from tests.crash.faults import FOR_EVER, Faults, faults
from tests.crash.load import SignUps, holders, require_clean, search, sign_up
from tests.crash.served import served

LOG = "idsync.db.log-wal"
TABLES = "idsync.db-wal"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Faults]:
    with faults(tmp_path / "faults") as switches:
        yield switches


async def test_a_slow_disk_slows_nobody_but_the_waiting(tmp_path: Path, disk: Faults) -> None:
    """Each sync takes 50 ms longer: whoever comes meanwhile shares the next one, and nobody is refused."""
    people = SignUps()
    async with served(tmp_path, environment=disk.environment) as service:
        people.begin(service)
        await people.more()
        disk.sync(delay_ms=50)
        before, syncs = len(people.acknowledged), disk.synced
        await people.more(300)
        shared = (len(people.acknowledged) - before) / (disk.synced - syncs)
        await people.end()
        await service.kill()
    async with served(tmp_path) as service:
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    assert people.refused == {}
    assert shared > 2


@pytest.mark.parametrize("killed", [False, True])
async def test_a_sync_that_fails_once(tmp_path: Path, disk: Faults, *, killed: bool) -> None:
    """The group is refused and never turns up later, although the system takes it for written."""
    people = SignUps()
    async with served(tmp_path, environment=disk.environment) as service:
        people.begin(service)
        await people.more()
        disk.sync(failures=1, only=LOG)
        await people.more_refused(1)
        await people.more()
        await people.end()
        await people.require_kept(service)
        await (service.kill() if killed else service.stop())
    async with served(tmp_path) as service:
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    assert disk.failed == 1
    people.require_honest_refusals()
    assert all("nothing was changed" in error.message for error in people.refused.values())


@pytest.mark.parametrize("killed", [False, True])
async def test_syncs_that_fail_for_a_while(tmp_path: Path, disk: Faults, *, killed: bool) -> None:
    """Nothing is acknowledged meanwhile, what needs no disk is answered, and writing goes on by itself."""
    people = SignUps()
    async with served(tmp_path, environment=disk.environment) as service:
        people.begin(service)
        await people.more()
        disk.sync(failures=FOR_EVER, only=LOG)
        await people.more_refused()
        before = len(people.acknowledged)
        await people.more_refused()
        assert len(people.acknowledged) == before
        async with service.client() as client:
            assert await search(client, "person-0") == people.acknowledged["person-0"]
        if killed:
            await people.end()
            await service.kill()
        else:
            disk.sync()
            await people.more()
            await people.end()
            await people.require_kept(service)
            assert await service.stop() == 0
    async with served(tmp_path) as service:
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    people.require_honest_refusals()


async def test_tables_that_cannot_be_synced(tmp_path: Path, disk: Faults) -> None:
    """The log is enough for an answer; what looks into the tables is refused, and they catch up."""
    people = SignUps()
    async with served(tmp_path, environment=disk.environment) as service:
        people.begin(service)
        await people.more()
        disk.sync(failures=FOR_EVER, only=TABLES)
        await people.more(200)
        await people.end()
        async with service.client() as client:
            with pytest.raises(UnavailableError) as refused:
                await holders(client, "device of person-0")
            disk.sync()
            assert await holders(client, "device of person-0") == [people.acknowledged["person-0"]]
        await people.require_kept(service)
        assert await service.stop() == 0
    await require_clean(tmp_path)

    assert people.refused == {}
    assert refused.value.retry_delay_s > 0


async def test_a_disk_that_does_not_answer(tmp_path: Path, disk: Faults) -> None:
    """Whoever waits is refused after some seconds, later ones at once; reading goes on, and so does writing
    when the disk answers again."""
    people = SignUps()
    async with served(tmp_path, environment=disk.environment) as service, service.client() as client:
        people.begin(service, callers=32)
        await people.more()
        disk.sync(stuck=True, only=LOG)
        await people.more_refused(32)
        async with asyncio.timeout(2):
            with pytest.raises(UnavailableError, match="nothing was changed"):
                await sign_up(client, "somebody else")
            assert await search(client, "person-0") == people.acknowledged["person-0"]
        disk.sync()
        await people.more()
        await people.end()
        await people.require_kept(service)
        assert await service.stop() == 0
    async with served(tmp_path) as service:
        await people.require_kept(service)
    await require_clean(tmp_path)

    people.require_honest_refusals()


async def test_the_service_ends_although_its_disk_does_not_answer(tmp_path: Path, disk: Faults) -> None:
    """SIGTERM is obeyed in bounded time; the next start finds what was acknowledged."""
    people = SignUps()
    async with served(tmp_path, environment=disk.environment) as service:
        people.begin(service)
        await people.more()
        disk.sync(stuck=True, only=LOG)
        await people.more_refused(16)
        await people.end()
        async with asyncio.timeout(40):
            await service.stop()
    async with served(tmp_path) as service:
        await people.require_kept(service)
    await require_clean(tmp_path)

    people.require_honest_refusals()
    assert any("does not answer" in error.message for error in people.refused.values())
