"""Whose the web client's events are, under each strategy, and that none is lost, doubled or sent for ever."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.clients.browser import direct_urls, own_domain
from tests.clients.conftest import Arrive
from tests.clients.people import somebody
from tests.clients.service import Service
from tests.clients.wire import wire_to

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]


async def test_attribution(service: Service, arrive: Arrive) -> None:
    """ID-200: an event belongs to whom the client was when it happened, also after others came and went."""
    visitor = await arrive()
    visit = await visitor.begin(own_domain(service.port))
    await visitor.log("as a visitor")
    account = await visitor.call("login", somebody())
    await visitor.log("signed in")
    left = await visitor.call("logout")
    await visitor.log("signed out")
    expected = Counter(
        {
            ("as a visitor", visit["mpid"]): 1,
            ("signed in", account["mpid"]): 1,
            ("signed out", left["mpid"]): 1,
        }
    )
    found: Counter[tuple[str, str]] = Counter()
    for mpid in {visit["mpid"], account["mpid"], left["mpid"]}:
        names = {name for name, owner in expected if owner == mpid}
        events = await service.events_with(mpid, names)
        found.update((event["name"], event["mpid"]) for event in events if event["type"] == "custom_event")
    types = {event["type"] for event in await service.events_with(account["mpid"], {"signed in"})}

    assert found == expected
    assert "user_identity_change" in types
    assert set(visitor.sent("/events")) == {202}
    assert visitor.complaints == []


async def test_upload_comes_again(new_service: Service, arrive: Arrive) -> None:
    """http-wire 6, 11: an answer is lost, the batch comes again, and counts once."""
    visitor = await arrive()
    async with wire_to(new_service.port) as wire:
        visit = await visitor.begin(direct_urls(wire.port))
        await visitor.log("before")
        await new_service.events_with(visit["mpid"], {"before"})
        wire.losing = 1
        await visitor.log("lost on the way back")
        await new_service.events_with(visit["mpid"], {"lost on the way back"})
        await visitor.log("after")
        events = await new_service.events_with(visit["mpid"], {"before", "lost on the way back", "after"})
        lost = wire.lost
    names = Counter(event["name"] for event in events if event["type"] == "custom_event")

    assert lost == 1
    assert names == {"before": 1, "lost on the way back": 1, "after": 1}


async def test_logged_offline(new_service: Service, arrive: Arrive) -> None:
    """What happened without a network is sent when there is one again."""
    visitor = await arrive()
    visit = await visitor.begin(direct_urls(new_service.port))
    await visitor.context.set_offline(True)
    async with visitor.page.expect_event("requestfailed"):
        await visitor.log("offline")
    await visitor.context.set_offline(False)
    await visitor.log("online again")
    events = await new_service.events_with(visit["mpid"], {"offline", "online again"})
    names = Counter(event["name"] for event in events if event["type"] == "custom_event")

    assert names == {"offline": 1, "online again": 1}


async def test_last_words(new_service: Service, arrive: Arrive) -> None:
    """http-wire 3: a page that is left sends what it still has by beacon, which asks for no permission."""
    visitor = await arrive()
    visit = await visitor.begin(
        direct_urls(new_service.port), flags={"eventBatchingIntervalMillis": "600000"}
    )
    await visitor.log("just before leaving")
    before = visitor.sent("/events")
    await visitor.page.goto("about:blank")
    events = await new_service.events_with(visit["mpid"], {"just before leaving"})

    assert before == []
    assert [event["mpid"] for event in events] == [visit["mpid"]] * len(events)
    assert visitor.complaints == []


async def test_configuration_of_the_service(new_service: Service, arrive: Arrive) -> None:
    """http-wire 9: a page that names its service and nothing else gets what it needs from there."""
    visitor = await arrive()
    visit = await visitor.begin(own_domain(new_service.port), requestConfig=True, flags={})
    await visitor.log("configured")
    await new_service.events_with(visit["mpid"], {"configured"})
    asked = [(path, status) for method, path, status in visitor.answers if method == "GET"]

    assert asked == [("/tags/JS/v2/us1-shop-web/config", 200)]
    assert visit["httpCode"] == 200
    assert visitor.complaints == []


async def test_page_without_a_user(new_service: Service, arrive: Arrive) -> None:
    """http-wire 4.5: who was refused keeps its events to itself, so that nothing is sent for ever."""
    visitor = await arrive()
    unknown = await visitor.begin(direct_urls(new_service.port), key="us1-of-nobody")
    await visitor.log("unheard")

    assert unknown["mpid"] is None
    assert visitor.sent("/events") == []
