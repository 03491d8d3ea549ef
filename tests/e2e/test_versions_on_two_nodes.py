"""Two services on one database take a version at the same moment, or say that they do not know (ID-039)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from idsync.client import identities
from idsync.config import parse_configuration
from idsync.model.errors import ConflictError, InvalidRequestError, UnavailableError
from idsync.model.settings_version import SettingsVersion
from idsync.testing.clock import ManualClock
from idsync.v1 import identity_service_pb2 as calls
from idsync.v1 import staging_pb2 as pb
from tests.e2e.conftest import CLUB
from tests.e2e.staged_service import PRODUCTION, SHARED, UNIQUE, Service, running, until

pytestmark = pytest.mark.postgres


@pytest.fixture
async def nodes(
    new_postgres: Callable[[], str], tmp_path: Path, clock: ManualClock
) -> AsyncIterator[list[Service]]:
    """Two services."""
    url = await asyncio.to_thread(new_postgres)
    configuration = parse_configuration(SHARED, tmp_path)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(configuration, url, clock)) for _ in range(2)]


async def _strategy(service: Service) -> str:
    return (await service.shop.get_caller(calls.GetCallerRequest())).strategy


async def test_both_take_it(nodes: list[Service]) -> None:
    one, other = nodes
    staged = (await one.stage()).version
    await until(lambda: _knows(other))
    before = [await _strategy(node) for node in nodes]

    one.clock.advance(5_000)
    for node in nodes:
        await until(lambda node=node: _has(node, 2))  # type: ignore[misc]

    assert staged.state == pb.VERSION_STATE_STAGED
    assert before == ["profile_link"] * 2
    assert [await _strategy(node) for node in nodes] == ["profile_conversion"] * 2


async def _knows(service: Service) -> bool:
    return (await service.versions())[0].state == pb.VERSION_STATE_STAGED


async def _has(service: Service, number: int) -> bool:
    return await service.in_force() == number


async def test_what_the_others_might_not_learn_in_time_is_refused(nodes: list[Service]) -> None:
    one, other = nodes
    with pytest.raises(InvalidRequestError) as caught:
        await one.stage(effective_time=one.at(4_999))
    await one.stage(effective_time=one.at(60_000))
    one.clock.advance(55_001)
    with pytest.raises(ConflictError):
        await other.operator.withdraw_version(
            pb.WithdrawVersionRequest(scope="retail", version=2, author="Bob")
        )

    assert caught.value.fields == ("effective_time",)


@pytest.mark.parametrize(("took_ms", "takes_effect"), [(2_001, False), (6_000, True)])
async def test_what_was_written_too_late_for_the_others_is_taken_back(
    nodes: list[Service], monkeypatch: pytest.MonkeyPatch, took_ms: int, takes_effect: bool
) -> None:
    """After its moment that can be done no more, and the operator is not told that it was."""
    one, other = nodes
    add_version = one.app.store.add_version

    async def slow(version: SettingsVersion) -> bool:
        written = await add_version(version)
        one.clock.advance(took_ms)
        return written

    monkeypatch.setattr(one.app.store, "add_version", slow)
    with pytest.raises(UnavailableError) as caught:
        await one.stage()
    one.clock.advance(10_000)
    if takes_effect:
        await until(lambda: _has(other, 2))

    newest = (await other.versions())[0]
    assert ("is not staged" in caught.value.message) is not takes_effect
    assert (newest.version, newest.withdrawn_by) == (2, "" if takes_effect else "service")
    assert await other.in_force() == 1 + takes_effect


async def test_a_node_that_lacks_the_strategy_of_a_version_refuses_its_scope(nodes: list[Service]) -> None:
    """From its moment on; other scopes go on, and so does this one with a version that it has."""
    one, other = nodes
    [first] = await one.app.store.versions("retail")
    settings = first.settings.replace("profile_link", "profile_of_another_node")
    now_ms = one.clock.now_ms
    lacking = SettingsVersion("retail", 2, "Ann", now_ms, now_ms + 5_000, settings)
    identify = calls.IdentifyRequest(
        environment=PRODUCTION, known_identities=identities({"ios_idfv": "device-1"})
    )
    assert await one.app.store.add_version(lacking)
    for node in nodes:
        await until(lambda node=node: _knows(node))  # type: ignore[misc]
    before = await _answers(other, identify)

    one.clock.advance(5_000)
    for node in nodes:
        await until(lambda node=node: _refuses(node, identify))  # type: ignore[misc]
    elsewhere = await other.shop.identify(
        calls.IdentifyRequest(environment=PRODUCTION, known_identities=identities({"ios_idfv": "device-2"})),
        credentials=CLUB,
    )
    await other.stage()
    one.clock.advance(5_000)
    for node in nodes:
        await until(lambda node=node: _answers(node, identify))  # type: ignore[misc]

    assert before
    assert elsewhere.mpid
    assert [await _strategy(node) for node in nodes] == ["profile_conversion"] * 2


async def test_a_repair_is_carried_out_once(nodes: list[Service]) -> None:
    """ID-039: both nodes repair, and each value is taken off each record once."""
    one, other = nodes
    mails = [f"{n}@example.com" for n in range(12)]
    newest = [(await one.share(mail))[0] for mail in mails]
    await one.stage(UNIQUE, repair=True)
    one.clock.advance(5_000)
    for node in nodes:
        await until(lambda node=node: _has(node, 2))  # type: ignore[misc]
    await until(lambda: _is_repaired(other))

    assert [await other.holders(mail) for mail in mails] == [[mpid] for mpid in newest]


async def _is_repaired(service: Service) -> bool:
    return (await service.operator.plan_repair(pb.PlanRepairRequest(scope="retail"))).total == 0


async def test_a_node_that_cannot_read_the_versions_says_so(
    nodes: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not go on with settings that may be old, and goes on once it can read them again."""
    one, other = nodes
    identify = calls.IdentifyRequest(
        environment=PRODUCTION, known_identities=identities({"ios_idfv": "device-1"})
    )

    async def away(scope: str | None = None) -> NoReturn:
        raise UnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(other.app.store, "versions", away)
        await until(lambda: _refuses(other, identify))
        served = await one.shop.identify(identify)
    await until(lambda: _answers(other, identify))

    assert (await other.shop.identify(identify)).mpid == served.mpid


async def _refuses(service: Service, request: calls.IdentifyRequest) -> bool:
    return not await _answers(service, request)


async def _answers(service: Service, request: calls.IdentifyRequest) -> bool:
    try:
        await service.shop.identify(request, timeout_s=1.0)
    except UnavailableError:
        return False
    return True
