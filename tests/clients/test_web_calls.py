"""Alias, cached answers, further visits, modify and search of the web client, under each strategy."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from idsync.v1.identity_pb2 import IDENTITY_TYPE_EMAIL
from tests.clients.browser import Visitor, direct_urls, own_domain
from tests.clients.conftest import Arrive
from tests.clients.people import somebody
from tests.clients.service import Service, identities_of
from tests.clients.strategies import Strategy

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]

STORED: Final = -3
"""The client's code for: inside a session, nobody was asked."""
FORBIDDEN: Final = (
    r"error: Failed to load resource: the server responded with a status of 403 \(.*\)",
    r"error: Error sending alias request to mParticle servers. Received HTTP Code of 403",
)


async def request_alias(visitor: Visitor, source: str, destination: str) -> dict[str, object]:
    """Let the client write an alias request for two of its users, and send it."""
    answer: dict[str, object] = await visitor.ask(
        "([source, destination]) => shop.alias(shop.aliasBetween(source, destination))", [source, destination]
    )
    return answer


async def test_alias(service: Service, strategy: Strategy, arrive: Arrive) -> None:
    """ID-180, ID-185, ID-195: the visit before the sign-up is attributed to the account."""
    visitor = await arrive()
    visit = await visitor.begin(direct_urls(service.port))
    other_visit = await visitor.call("logout")
    account = await visitor.call("login", somebody())
    source = visit["mpid"] if visit["mpid"] != account["mpid"] else other_visit["mpid"]
    if source == account["mpid"]:
        assert not strategy.has_aliasing, "there is nobody to alias only where there is no aliasing"
        stranger = await arrive()
        source = (await stranger.begin(direct_urls(service.port)))["mpid"]
        times = "{startTime: Date.now() - 1000, endTime: Date.now(), scope: 'device'}"
        answer = await visitor.ask(
            "([sourceMpid, destinationMpid]) => shop.alias({sourceMpid, destinationMpid, ..." + times + "})",
            [source, account["mpid"]],
        )
    else:
        answer = await request_alias(visitor, source, account["mpid"])
    profile = await service.profile(account["mpid"])

    if strategy.has_aliasing:
        assert answer["httpCode"] == 202
        assert [str(alias.source_mpid) for alias in profile.aliases] == [source]
        assert visitor.complaints == []
    else:
        assert answer == {"httpCode": -1, "message": "Received HTTP Code of 403"}
        assert len(profile.aliases) == 0
        assert [
            each for each in visitor.complaints if not any(re.fullmatch(p, each) for p in FORBIDDEN)
        ] == []


async def test_refused_alias(new_service: Service, strategy: Strategy, arrive: Arrive) -> None:
    """ID-182, ID-232: the application is told why."""
    if not strategy.has_aliasing:
        return
    visitor = await arrive()
    visit = await visitor.begin(own_domain(new_service.port))
    answer = await visitor.ask(
        "destinationMpid => shop.alias({sourceMpid: '1234', destinationMpid, startTime: 1, endTime: 2})",
        visit["mpid"],
    )

    assert answer["httpCode"] == 400
    assert answer["message"]


async def test_cached_answers(new_service: Service, strategy: Strategy, arrive: Arrive) -> None:
    """ID-175: the client asks again only after a logout, and is the same user meanwhile."""
    person = somebody()
    visitor = await arrive()
    await visitor.begin(
        direct_urls(new_service.port), flags={"cacheIdentity": "True", "eventBatchingIntervalMillis": "0"}
    )
    first = await visitor.call("login", person)
    again = await visitor.call("login", person)
    before = visitor.sent("/v1/login")
    left = await visitor.call("logout")
    after = await visitor.call("login", person)

    assert before == [200]
    assert visitor.sent("/v1/login") == [200, 200]
    assert first["mpid"] == again["mpid"] == after["mpid"]
    assert [each["is_logged_in"] for each in (first, again, after)] == [strategy.has_accounts] * 3
    assert again["httpCode"] == 200
    assert again["body"] == {"mpid": first["mpid"], "is_logged_in": strategy.has_accounts}
    assert left["httpCode"] == 200
    assert visitor.complaints == []


async def test_next_page(service: Service, strategy: Strategy, arrive: Arrive) -> None:
    """http-wire 4.6: inside a session the client asks nobody; a new session brings what it remembers."""
    person = somebody()
    visitor = await arrive()
    await visitor.begin(direct_urls(service.port))
    account = await visitor.call("login", person)
    next_page = await visitor.begin(direct_urls(service.port))
    asked = visitor.sent("/v1/identify")
    await visitor.page.clock.install(time=datetime.now(UTC) + timedelta(hours=1))
    next_session = await visitor.begin(direct_urls(service.port))

    assert (next_page["httpCode"], next_page["mpid"]) == (STORED, account["mpid"])
    assert asked == [200]
    assert (next_session["httpCode"], next_session["mpid"]) == (200, account["mpid"])
    assert next_session["is_logged_in"] == strategy.has_accounts
    assert next_session["identities"] == person
    assert visitor.complaints == []


async def test_changed_address(service: Service, arrive: Arrive) -> None:
    """ID-152, ID-172, ID-230: modify changes the profile, and not who is signed in."""
    person = somebody()
    address = somebody()["email"]
    visitor = await arrive()
    await visitor.begin(direct_urls(service.port))
    account = await visitor.call("login", person)
    changed = await visitor.call("modify", {"email": address})
    addresses = identities_of(await service.profile(account["mpid"]), IDENTITY_TYPE_EMAIL)

    assert changed["httpCode"] == 200
    assert changed["body"]["change_results"] == [{"identity_type": "email", "modified_mpid": account["mpid"]}]
    assert (changed["mpid"], changed["is_logged_in"]) == (account["mpid"], account["is_logged_in"])
    assert changed["identities"] == {**person, "email": address}
    assert addresses == {address}
    assert visitor.complaints == []


async def test_search(new_service: Service, strategy: Strategy, arrive: Arrive) -> None:
    """ID-085, ID-087: the client learns who somebody is, or that there is nobody, and stays who it is."""
    person = somebody()
    visitor = await arrive()
    await visitor.begin(direct_urls(new_service.port))
    account = await visitor.call("login", person)
    found = await visitor.search(person)
    nobody = await visitor.search(somebody())

    assert (found["httpCode"], found["body"]["mpid"]) == (200, account["mpid"])
    assert (nobody["httpCode"], nobody["body"]["ErrorCode"]) == (404, "NOT_FOUND_ERROR")
    assert [each for each in visitor.complaints if "404" not in each] == []
