"""The guards of a scope over the wire, on each store: what callers, operators and metrics are told."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from idsync.client import AsyncClient
from idsync.config import Configuration, parse_configuration
from idsync.model.errors import LookupFailedError, NotFoundError
from idsync.server.app import App
from idsync.v1 import admin_service_pb2 as admin
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_pb2 as i
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import CONFIGURATION, OPERATOR
from tests.e2e.identity_requests import EMAIL, PRODUCTION, calls, identify, login, modify, search

GUARDS = """
[guards]
conflict_guard = true
[guards.blocked_values]
email = ["*@kiosk.example"]
"""
CUSTOMER = i.IDENTITY_TYPE_CUSTOMERID
BLOCKED = i.Notice(type=CUSTOMER, reason=i.NOTICE_REASON_BLOCKED)
CONFLICT = i.Notice(type=CUSTOMER, reason=i.NOTICE_REASON_CONFLICT)
HELD = i.Notice(type=EMAIL, reason=i.NOTICE_REASON_HELD_ELSEWHERE)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """The usual one, guarded."""
    return parse_configuration(CONFIGURATION + GUARDS, tmp_path)


def metric(app: App, name: str, **labels: str) -> float:
    return app.registry.get_sample_value(name, labels) or 0


async def test_a_blocked_value_is_in_answer_journal_metric_and_explanation(
    app: App, client: AsyncClient
) -> None:
    request = identify(customerid="'NULL'", ios_idfv="d")
    request.request_id = "r-1"

    answers = [await client.identify(request) for _ in range(3)]
    [entry] = (await client.list_journal(graph.ListJournalRequest(environment=PRODUCTION))).entries
    why = await client.explain(graph.ExplainRequest(environment=PRODUCTION, request_id="r-1"))

    assert len({answer.mpid for answer in answers}) == 1
    assert all(list(answer.decision.notices) == [BLOCKED] for answer in answers)
    assert not any(answer.is_logged_in for answer in answers)
    assert list(entry.evidence.notices) == [BLOCKED]
    assert "The customerid had a value that the scope blocks and counted as not sent." in why.sentences
    assert metric(app, "idsync_notices_total", type="customerid", reason="blocked") == 3


async def test_nothing_but_blocked_values_is_nothing(app: App, client: AsyncClient) -> None:
    """ID-233; the metric of outcomes tells it from other refusals."""
    with pytest.raises(LookupFailedError) as refusal:
        await client.login(login(customerid="undefined", email="Till-7@kiosk.example"))

    assert refusal.value.message == "knownIdentities is empty."
    assert refusal.value.metadata == {"rule": "guards/all-blocked"}
    refused = {"scope": "retail", "outcome": "refused", "rule": "guards/all-blocked"}
    assert metric(app, "idsync_outcomes_total", **refused) == 1


async def test_a_batch_is_guarded_call_by_call(client: AsyncClient) -> None:
    """Modify among them."""
    mpid = (await client.identify(identify(ios_idfv="d"))).mpid
    change = pb.IdentityChange(type=EMAIL, new_value="a@KIOSK.example")
    batch = pb.BatchResolveRequest(
        calls=calls(
            identify(customerid="none"), identify(customerid="none", ios_idfv="d"), modify(mpid, change)
        )
    )

    first, second, third = (await client.batch_resolve(batch)).results

    assert first.error.reason == "LOOKUP_ERROR"
    assert second.identify.mpid == mpid
    assert list(second.identify.decision.notices) == [BLOCKED]
    assert list(third.modify.change_results) == []
    assert list(third.modify.notices) == [i.Notice(type=EMAIL, reason=i.NOTICE_REASON_BLOCKED)]


async def test_a_conflict_is_in_answer_journal_metric_and_explanation(app: App, client: AsyncClient) -> None:
    """X-02, decided the safe way."""
    owner = await client.login(login(customerid="c-1", email="family@example.com"))
    request = login(customerid="c-2", email="family@example.com")
    request.request_id = "r-2"

    answer = await client.login(request)
    entries = (await client.list_journal(graph.ListJournalRequest(environment=PRODUCTION))).entries
    why = await client.explain(graph.ExplainRequest(environment=PRODUCTION, request_id="r-2"))

    assert answer.mpid != owner.mpid
    assert list(answer.decision.notices) == [CONFLICT, HELD]
    assert list(entries[-1].evidence.notices) == [CONFLICT, HELD]
    assert "The customerid is unique, and a profile that has another one was passed over." in why.sentences
    assert metric(app, "idsync_notices_total", type="customerid", reason="conflict") == 1


async def test_a_search_that_a_conflict_keeps_from_finding_is_counted(app: App, client: AsyncClient) -> None:
    await client.login(login(customerid="c-1", email="family@example.com"))

    with pytest.raises(NotFoundError) as miss:
        await client.search(search(customerid="c-2", email="family@example.com"))

    assert miss.value.metadata == {"rule": "guards/conflict"}
    refused = {"scope": "retail", "outcome": "refused", "rule": "guards/conflict"}
    assert metric(app, "idsync_outcomes_total", **refused) == 1


async def test_a_miss_is_no_longer_said_when_its_reason_is_gone(client: AsyncClient) -> None:
    """What is remembered of a guarded answer rests on who was passed over."""
    owner = await client.login(login(customerid="c-1", email="family@example.com"))
    wanted = search(customerid="c-2", email="family@example.com")
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await client.search(wanted)

    await client.modify(modify(owner.mpid, pb.IdentityChange(type=CUSTOMER, old_value="c-1")))

    assert (await client.search(wanted)).mpid == owner.mpid


async def test_operators_see_the_guards(app: App) -> None:
    async with AsyncClient.connect(app.grpc_address, OPERATOR) as operator:
        settings = (await operator.get_scope(admin.GetScopeRequest(name="parted"))).scope.settings

    assert settings.conflict_guard
    assert settings.blocked_values == admin.BlockedValues(
        shipped=True, entries=[admin.BlockedValue(type=EMAIL, value="*@kiosk.example")]
    )


async def test_a_stream_is_guarded_too(client: AsyncClient) -> None:
    async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
        for call in calls(identify(customerid="n/a", ios_idfv="d")):
            yield pb.StreamResolveRequest(call=call)

    [answer] = [answer.result async for answer in client.stream_resolve(requests())]

    assert list(answer.identify.decision.notices) == [BLOCKED]
