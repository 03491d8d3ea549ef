"""Where older web clients differ from the newest: what they send, and what they make of an answer."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

import pytest

from tests.clients.browser import OLDER, direct_urls
from tests.clients.conftest import Arrive
from tests.clients.people import somebody
from tests.clients.service import Service
from tests.clients.strategies import STRATEGIES, Strategy
from tests.e2e.fronts.processes import until

pytestmark = [
    pytest.mark.clients,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("client", OLDER),
]

under_one = pytest.mark.parametrize(
    "strategy", [each for each in STRATEGIES if each.name == "profile_link"], ids=lambda each: each.name
)
"""For what every strategy answers alike."""
REFUSED: Final = r"error: (Failed to load resource: the server responded with a status of 400|Error).*"


@under_one
async def test_attribution(new_service: Service, arrive: Arrive, client: str) -> None:
    """ID-200: an event belongs to whom the client was when it happened."""
    visitor = await arrive(client)
    visit = await visitor.begin(direct_urls(new_service.port))
    await visitor.log("as a visitor")
    account = await visitor.call("login", somebody())
    await visitor.log("signed in")
    found = Counter[tuple[str, str]]()
    for mpid, names in ((visit["mpid"], {"as a visitor"}), (account["mpid"], {"signed in"})):
        for event in await new_service.events_with(mpid, names):
            if event["name"] in names:
                found[event["name"], event["mpid"]] += 1

    await until(lambda: len(visitor.sent("/events")) > 1)

    assert found == {("as a visitor", visit["mpid"]): 1, ("signed in", account["mpid"]): 1}
    assert set(visitor.sent("/events")) == {202}
    assert visitor.complaints == []


async def test_alias(new_service: Service, strategy: Strategy, arrive: Arrive, client: str) -> None:
    """ID-180: the body is the same whatever type it is sent as (http-wire 5)."""
    visitor = await arrive(client)
    visit = await visitor.begin(direct_urls(new_service.port))
    stranger = await arrive(client)
    destination = (await stranger.begin(direct_urls(new_service.port)))["mpid"]
    answer = await visitor.ask(
        "([sourceMpid, destinationMpid]) => shop.alias({sourceMpid, destinationMpid,"
        " startTime: Date.now() - 1000, endTime: Date.now()})",
        [visit["mpid"], destination],
    )
    aliases = [str(alias.source_mpid) for alias in (await new_service.profile(destination)).aliases]

    if strategy.has_aliasing:
        assert (answer["httpCode"], aliases) == (202, [visit["mpid"]])
        assert visitor.complaints == []
    else:
        assert (answer["httpCode"], aliases) == (403, [])


@under_one
async def test_changed_address(new_service: Service, arrive: Arrive, client: str) -> None:
    """ID-152, ID-172: modify changes the profile, and not who is signed in."""
    visitor = await arrive(client)
    await visitor.begin(direct_urls(new_service.port))
    account = await visitor.call("login", somebody())
    address = somebody()["email"]
    changed = await visitor.call("modify", {"email": address})

    assert (changed["httpCode"], changed["mpid"]) == (200, account["mpid"])
    assert changed["identities"]["email"] == address
    assert visitor.complaints == []


@under_one
async def test_refused(new_service: Service, arrive: Arrive, client: str) -> None:
    """ID-232: the application gets status and reason, and goes on."""
    visitor = await arrive(client)
    visit = await visitor.begin(direct_urls(new_service.port))
    refused = await visitor.call("login", {"email": "x" * 300})
    after = await visitor.call("login", somebody())

    assert (refused["httpCode"], refused["mpid"]) == (400, visit["mpid"])
    assert refused["body"]["ErrorCode"] == "VALIDATION_ERROR"
    assert after["httpCode"] == 200
    assert [each for each in visitor.complaints if not re.fullmatch(REFUSED, each)] == []


@under_one
async def test_configuration_of_the_service(new_service: Service, arrive: Arrive, client: str) -> None:
    """http-wire 9: what the service says makes it send batches, though the page did not ask for them."""
    visitor = await arrive(client)
    visit = await visitor.begin(direct_urls(new_service.port), requestConfig=True, flags={})
    await visitor.log("configured")
    await new_service.events_with(visit["mpid"], {"configured"})
    await until(lambda: bool(visitor.sent("/v3/JS/us1-shop-web/events")))
    asked = {path: status for method, path, status in visitor.answers if method == "GET"}

    assert asked == {"/JS/v2/us1-shop-web/config": 200}
    assert visitor.sent("/v3/JS/us1-shop-web/events") == visitor.sent("vents")
    assert visitor.complaints == []


@under_one
async def test_single_events(new_service: Service, arrive: Arrive, client: str) -> None:
    """http-wire 6: without that flag the oldest sends one event at a time, and the others batches."""
    visitor = await arrive(client)
    visit = await visitor.begin(
        direct_urls(new_service.port), flags={"eventsV3": "0", "eventBatchingIntervalMillis": "0"}
    )
    await visitor.log("by itself")
    events = await new_service.events_with(visit["mpid"], {"by itself"})
    path = "/v2/JS/us1-shop-web/Events" if client == "2.11.15" else "/v3/JS/us1-shop-web/events"
    await until(lambda: bool(visitor.sent(path)))

    assert Counter(event["name"] for event in events)["by itself"] == 1
    assert set(visitor.sent("vents")) == {202}
    assert len(visitor.sent(path)) == len(visitor.sent("vents"))
    assert visitor.complaints == []
