"""Which settings a start finds in force: what the file says, and what was staged since (ID-039)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from idsync.config import Configuration, parse_configuration
from idsync.model.errors import ConfigurationError
from idsync.testing.clock import ManualClock
from idsync.v1 import staging_pb2 as pb
from tests.e2e.staged_service import SHARED, UNIQUE, Service, running, until

DAY_MS = 86_400_000


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that outlives its service."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'idsync.db'}"
    new_postgres: Callable[[], str] = request.getfixturevalue("new_postgres")
    return new_postgres()


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """An email may be on several profiles."""
    return parse_configuration(SHARED, tmp_path)


async def test_a_moment_that_passed_while_nobody_was_there(
    configuration: Configuration, database_url: str, clock: ManualClock
) -> None:
    async with running(configuration, database_url, clock) as service:
        await service.stage(effective_time=service.at(DAY_MS))
    async with running(configuration, database_url, clock) as service:
        before = await service.in_force()
    clock.advance(2 * DAY_MS)

    async with running(configuration, database_url, clock) as service:
        assert before == 1
        assert await service.in_force() == 2
    async with running(configuration, database_url, clock) as service:
        assert await service.in_force() == 2


async def test_what_cannot_take_effect_is_withdrawn_at_the_start(
    configuration: Configuration, database_url: str, clock: ManualClock
) -> None:
    """ID-039: values came to be shared after it was staged; the service starts with what was in force."""
    async with running(configuration, database_url, clock) as service:
        await service.stage(UNIQUE, effective_time=service.at(DAY_MS))
        await service.share()
    clock.advance(2 * DAY_MS)

    async with running(configuration, database_url, clock) as service:
        newest = (await service.versions())[0]
        assert await service.in_force() == 1
        assert (newest.state, newest.withdrawn_by) == (pb.VERSION_STATE_WITHDRAWN, "service")
        assert len(await service.holders()) == 2


async def test_a_repair_goes_on_at_the_start(
    configuration: Configuration, database_url: str, clock: ManualClock
) -> None:
    """ID-039: what was to be repaired, and what came since, is repaired."""
    async with running(configuration, database_url, clock) as service:
        mpids = await service.share()
        await service.stage(UNIQUE, effective_time=service.at(DAY_MS), repair=True)
        await service.share("flo@example.com")
    clock.advance(2 * DAY_MS)

    async with running(configuration, database_url, clock) as service:
        await until(lambda: _is_repaired(service))
        assert await service.in_force() == 2
        assert await service.holders() == mpids[:1]


async def _is_repaired(service: Service) -> bool:
    return (await service.operator.plan_repair(pb.PlanRepairRequest(scope="retail"))).total == 0


async def test_a_file_that_says_something_new_wins(
    configuration: Configuration, database_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    """What was staged is withdrawn, and listed so."""
    other = parse_configuration(SHARED.replace('"roku_aid"]', '"roku_aid", "android_uuid"]'), tmp_path)
    async with running(configuration, database_url, clock) as service:
        await service.stage()
        await service.take(2)
        await service.stage(UNIQUE, effective_time=service.at(DAY_MS))

    async with running(other, database_url, clock) as service:
        versions = await service.versions()
        assert await service.in_force() == 4
    clock.advance(2 * DAY_MS)
    async with running(other, database_url, clock) as service:
        assert await service.in_force() == 4

    told = [(v.version, v.author, v.withdrawn_by, v.state) for v in versions]
    assert told == [
        (4, "file", "", pb.VERSION_STATE_IN_FORCE),
        (3, "Ann", "file", pb.VERSION_STATE_WITHDRAWN),
        (2, "Ann", "", pb.VERSION_STATE_SUPERSEDED),
        (1, "file", "", pb.VERSION_STATE_SUPERSEDED),
    ]


async def test_a_file_that_says_what_it_said_leaves_what_operators_staged(
    configuration: Configuration, database_url: str, clock: ManualClock
) -> None:
    async with running(configuration, database_url, clock) as service:
        await service.stage()
        await service.take(2)

    async with running(configuration, database_url, clock) as service:
        assert await service.in_force() == 2
        assert len(await service.versions()) == 2


async def test_a_file_that_makes_a_shared_value_unique_is_refused(
    configuration: Configuration, database_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    """ID-039: with the offenders, and nothing is written."""
    unique = parse_configuration(
        SHARED.replace('unique_ids = ["customerid"]', 'unique_ids = ["customerid", "email"]', 1), tmp_path
    )
    async with running(configuration, database_url, clock) as service:
        mpids = await service.share()

    with pytest.raises(ConfigurationError) as caught:
        async with running(unique, database_url, clock):
            pass

    assert all(str(mpid) in caught.value.faults[0] for mpid in mpids)
    async with running(configuration, database_url, clock) as service:
        assert len(await service.versions()) == 1
