"""Calls that come again in the same bytes: answered, counted and limited like the first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idsync.client import AsyncClient
from idsync.config import Configuration, Limits
from idsync.model.errors import ForbiddenError, RateLimitedError, UnauthenticatedError
from idsync.model.request import Operation
from idsync.server.app import App, open_app
from idsync.server.services import replies
from idsync.testing.clock import ManualClock
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import CLUB, FEED, OPERATOR, OUTLET, SHOP
from tests.e2e.identity_requests import DEVELOPMENT, calls, identify, modify

DEVICE = identify(ios_idfv="d")
IDFV = identity_pb2.IDENTITY_TYPE_IOS_IDFV


def counted(app: App) -> float:
    """Identify calls that were found, by the metric of outcomes."""
    found = 0.0
    for metric in app.registry.collect():
        for sample in metric.samples:
            if sample.name == "idsync_outcomes_total" and sample.labels["outcome"] == "found":
                found += sample.value
    return found


async def test_the_same_answer_each_time(app: App, client: AsyncClient) -> None:
    """Section 9 of the specification: nothing tells the third answer from the second, nor do the metrics."""
    created = await client.identify(DEVICE)
    answers = [await client.identify(DEVICE) for _ in range(4)]

    assert created.decision.outcome == identity_pb2.OUTCOME_CREATED
    assert answers == [answers[0]] * 4
    assert answers[0].mpid == created.mpid
    assert answers[0].decision.outcome == identity_pb2.OUTCOME_FOUND
    assert counted(app) == 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_it_is_not_read(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The point of it."""
    for _ in range(2):
        await client.identify(DEVICE)
    monkeypatch.setattr(replies.Replies, "keep", None)
    monkeypatch.setattr("idsync.server.services.identity_service.resolve_from_wire", None)

    assert (await client.identify(DEVICE)).decision.outcome == identity_pb2.OUTCOME_FOUND


async def test_ignored_values_are_counted_each_time(app: App, client: AsyncClient) -> None:
    """ID-025: what is left out is in the answer and the metric, each time."""
    request = identify(ios_idfv="d", ios_idfa="00000000-0000-0000-0000-000000000000")
    answers = [await client.identify(request) for _ in range(4)]

    assert all(len(answer.decision.notices) == 1 for answer in answers)
    samples = [
        sample.value
        for metric in app.registry.collect()
        for sample in metric.samples
        if sample.name == "idsync_notices_total"
    ]
    assert samples == [4.0]


async def test_a_change_is_seen_at_once(client: AsyncClient) -> None:
    before = [await client.identify(DEVICE) for _ in range(3)][-1]
    await client.modify(modify(before.mpid, pb.IdentityChange(type=IDFV, old_value="d")))
    after = [await client.identify(DEVICE) for _ in range(3)]

    assert after[0].decision.outcome == identity_pb2.OUTCOME_CREATED
    assert after[1] == after[2]
    assert after[2].mpid == after[0].mpid != before.mpid


async def test_same_bytes_of_others_are_theirs(client: AsyncClient) -> None:
    """ID-002, ID-004: another call, another scope, another environment, another input of the same scope."""
    answers = [await client.identify(DEVICE) for _ in range(3)]
    development = identify(ios_idfv="d")
    development.environment = DEVELOPMENT

    assert (await client.identify(DEVICE, credentials=CLUB)).mpid != answers[0].mpid
    assert (await client.identify(development)).mpid != answers[0].mpid
    for credentials in (FEED, OUTLET, SHOP):
        assert await client.identify(DEVICE, credentials=credentials) == answers[-1]
    as_logout = pb.LogoutRequest.FromString(DEVICE.SerializeToString())
    assert (await client.logout(as_logout)).decision.rule != ""
    with pytest.raises(ForbiddenError):
        await client.identify(DEVICE, credentials=OPERATOR)
    with pytest.raises(UnauthenticatedError):
        await client.identify(DEVICE, credentials=replace(SHOP, secret="wrong"))


async def test_in_a_batch_each_sees_those_before_it(client: AsyncClient) -> None:
    """A reply that is ready must not be given for what the batch itself has changed by then."""
    first = [await client.identify(DEVICE) for _ in range(3)][-1]
    warm = pb.BatchResolveRequest(calls=calls(DEVICE, DEVICE))
    for _ in range(2):
        await client.batch_resolve(warm)
    batch = pb.BatchResolveRequest(
        calls=calls(
            DEVICE, modify(first.mpid, pb.IdentityChange(type=IDFV, old_value="d")), DEVICE, DEVICE, None
        )
    )

    results = (await client.batch_resolve(batch)).results

    kinds = [result.WhichOneof("result") for result in results]
    assert kinds == ["identify", "modify", "identify", "identify", "error"]
    assert results[0].identify == first
    assert results[2].identify.decision.outcome == identity_pb2.OUTCOME_CREATED
    assert results[3].identify.mpid == results[2].identify.mpid != first.mpid


@pytest.mark.parametrize("many", [False, True])
async def test_hot_identities_are_counted_all_the_same(
    configuration: Configuration, database_url: str, clock: ManualClock, many: bool
) -> None:
    """ID-240: only a request that is read tells which identities it asks for."""
    limited = replace(configuration, limits=Limits(requests_per_second_per_identity=3))
    async with (
        open_app(limited, database_url, "127.0.0.1:0", clock=clock) as app,
        AsyncClient.connect(app.grpc_address, SHOP) as client,
    ):
        for _ in range(3):
            await client.identify(DEVICE)

        if many:
            (result,) = (await client.batch_resolve(pb.BatchResolveRequest(calls=calls(DEVICE)))).results
            assert result.error.reason == "TOO_MANY_REQUESTS"
        else:
            with pytest.raises(RateLimitedError):
                await client.identify(DEVICE)


async def test_long_requests_are_not_kept(
    app: App, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends them could fill the memory; they are answered all the same."""
    monkeypatch.setattr(replies, "MAX_BYTES", len(DEVICE.SerializeToString()) - 1)

    answers = [await client.identify(DEVICE) for _ in range(3)]

    assert answers[1] == answers[2]
    assert (
        app.resolver.recall((Operation.IDENTIFY.value, "shop/shop-web", DEVICE.SerializeToString())) is None
    )
