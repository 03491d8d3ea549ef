"""The web client from the first visit to the second device, under each strategy."""

from __future__ import annotations

import pytest

from idsync.v1.identity_pb2 import (
    IDENTITY_TYPE_CUSTOMERID,
    IDENTITY_TYPE_DEVICE_APPLICATION_STAMP,
    IDENTITY_TYPE_EMAIL,
)
from tests.clients.browser import NEWEST, OLDER, Report, direct_urls, own_domain
from tests.clients.conftest import Arrive
from tests.clients.people import somebody
from tests.clients.service import Service, identities_of
from tests.clients.strategies import Strategy

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]


def letters(reports: dict[str, Report]) -> dict[str, str]:
    """Name each MPID by a letter, in the order they came up."""
    names: dict[str, str] = {}
    return {
        step: names.setdefault(report["mpid"], chr(ord("A") + len(names))) for step, report in reports.items()
    }


@pytest.mark.parametrize(
    "client", [NEWEST, *(pytest.param(version, marks=pytest.mark.reused) for version in OLDER)]
)
async def test_shared_device(service: Service, strategy: Strategy, arrive: Arrive, client: str) -> None:
    """ID-101, ID-103, ID-121, ID-124, ID-131, ID-132, ID-140: who the client is after each step."""
    first, second = somebody(), somebody()
    visitor = await arrive(client)
    reports = {"visit": await visitor.begin(direct_urls(service.port))}
    reports["sign_up"] = await visitor.call("login", first)
    reports["logout"] = await visitor.call("logout")
    reports["second_user"] = await visitor.call("login", second)
    reports["second_logout"] = await visitor.call("logout")
    reports["return"] = await visitor.call("login", first)
    elsewhere = await arrive(client)
    urls = own_domain if client == NEWEST else direct_urls
    reports["second_device"] = await elsewhere.begin(urls(service.port))
    reports["second_device_login"] = await elsewhere.call("login", first)
    stamps = {await visitor.device(), await elsewhere.device()}
    account = await service.profile(reports["sign_up"]["mpid"])
    rules = await service.rules(account.mpid)

    assert {step: report["httpCode"] for step, report in reports.items()} == dict.fromkeys(reports, 200)
    assert letters(reports) == strategy.story
    signed_in = {step for step, report in reports.items() if report["is_logged_in"]}
    assert signed_in == (
        {"sign_up", "second_user", "return", "second_device_login"} if strategy.has_accounts else set()
    )
    assert all(report["body"]["mpid"] == report["mpid"] for report in reports.values())
    assert reports["return"]["identities"] == first
    assert reports["return"]["body"]["matched_identities"].items() >= first.items()
    assert first["email"] in identities_of(account, IDENTITY_TYPE_EMAIL)
    assert first["customerid"] in identities_of(account, IDENTITY_TYPE_CUSTOMERID)
    assert identities_of(account, IDENTITY_TYPE_DEVICE_APPLICATION_STAMP) >= stamps
    assert account.is_known == strategy.has_accounts
    assert strategy.sign_up_rule in rules
    source = str(account.source_mpid) if account.HasField("source_mpid") else None
    assert source == (reports["visit"]["mpid"] if strategy.names_its_source else None)
    assert (visitor.complaints, elsewhere.complaints) == ([], [])
