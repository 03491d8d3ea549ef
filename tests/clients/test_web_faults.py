"""What goes wrong between the web client and the service, under each strategy, and how the client goes on."""

from __future__ import annotations

import asyncio
import errno
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.clients.browser import Report, Visitor, direct_urls
from tests.clients.conftest import Ailing, Arrive
from tests.clients.people import somebody
from tests.clients.service import Service, Trust, serving
from tests.clients.strategies import STRATEGIES, Strategy
from tests.clients.wire import wire_to

pytestmark = [
    pytest.mark.clients,
    pytest.mark.asyncio(loop_scope="session"),
    # one that knows accounts stands for all where time is short
    pytest.mark.parametrize(
        "strategy",
        [
            pytest.param(each, id=each.name, marks=() if each is STRATEGIES[1] else pytest.mark.reused)
            for each in STRATEGIES
        ],
        indirect=True,
    ),
]

DEADLINE_S: Final = 60
NETWORK: Final = r"error: Failed to load resource: net::ERR_\w+"
UNREACHED: Final = r"error: Error sending identity request to servers - Failed to fetch"
UPLOADS: Final = (
    r"error: HTTP error status (429|503) received",
    r"error: Error sending event to mParticle servers\..* Failed to fetch",
)


def status(code: int) -> tuple[str, str]:
    """What a browser, and the client, say of an answer with a status that is no success."""
    return (
        rf"error: Failed to load resource: the server responded with a status of {code} \(.*\)",
        rf"error: Error sending identity request to servers - Received HTTP Code of {code}",
    )


def surprises(visitor: Visitor, *expected: str) -> list[str]:
    """List complaints beyond those that any server must cause."""
    return [each for each in visitor.complaints if not any(re.fullmatch(one, each) for one in expected)]


async def try_until(visitor: Visitor, method: str, person: dict[str, str], code: int) -> Report:
    """Call again until the answer has a status: limits are windows of real time."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            report = await visitor.call(method, person)
            if report["httpCode"] == code or report["body"] == f"Received HTTP Code of {code}":
                return report


async def test_invalid_request(new_service: Service, strategy: Strategy, arrive: Arrive) -> None:
    """ID-082, ID-232, ID-241: the application gets status and reason; nobody becomes somebody else."""
    visitor = await arrive()
    visit = await visitor.begin(direct_urls(new_service.port))
    too_long = await visitor.call("login", {"email": "x" * 300})
    nameless = await visitor.call("login")
    after = await visitor.call("login", somebody())

    assert (too_long["httpCode"], too_long["mpid"]) == (400, visit["mpid"])
    assert too_long["body"]["Errors"] == too_long["body"]["errors"]
    assert too_long["body"]["ErrorCode"] == "VALIDATION_ERROR"
    if strategy.refuses_login_without_account:
        assert (nameless["httpCode"], nameless["body"]["ErrorCode"]) == (400, "LOOKUP_ERROR")
    else:
        assert nameless["httpCode"] == 200
    assert nameless["mpid"] == visit["mpid"]
    assert after["httpCode"] == 200
    assert surprises(visitor, status(400)[0]) == []


async def test_unknown_key(new_service: Service, arrive: Arrive) -> None:
    """ID-222: the page hears the status, and gets no user."""
    visitor = await arrive()
    visit = await visitor.begin(direct_urls(new_service.port), key="us1-of-nobody")

    assert (visit["httpCode"], visit["body"]) == (-1, "Received HTTP Code of 401")
    assert visit["mpid"] is None
    assert surprises(visitor, *status(401)) == []


async def test_offline(new_service: Service, arrive: Arrive) -> None:
    """The client says that it reached nobody, and goes on when it does."""
    visitor = await arrive()
    visit = await visitor.begin(direct_urls(new_service.port))
    await visitor.context.set_offline(True)
    unreached = await visitor.call("login", somebody())
    await visitor.context.set_offline(False)
    after = await visitor.call("identify")

    assert (unreached["httpCode"], unreached["mpid"]) == (-1, visit["mpid"])
    assert (after["httpCode"], after["mpid"]) == (200, visit["mpid"])
    assert surprises(visitor, NETWORK, UNREACHED, r"error: Error sending event to .*Failed to fetch") == []


async def test_answer_lost_once(new_service: Service, strategy: Strategy, arrive: Arrive) -> None:
    """Chromium repeats a POST whose connection died, so that a call comes twice (http-wire 4.5, ID-042)."""
    person = somebody()
    visitor = await arrive()
    async with wire_to(new_service.port) as wire:
        await visitor.begin(direct_urls(wire.port))
        account = await visitor.call("login", person)
        left = await visitor.call("logout")
        wire.losing = 1
        again = await visitor.call("login", person)
        lost = wire.lost
    rules = await new_service.rules(account["mpid"])

    assert lost == 1
    assert (left["httpCode"], again["httpCode"]) == (200, 200)
    assert again["mpid"] == account["mpid"]
    assert again["is_logged_in"] == strategy.has_accounts
    assert rules.count(strategy.sign_up_rule) <= 1 or not strategy.has_accounts
    assert visitor.complaints == []


async def test_connection_lost(new_service: Service, arrive: Arrive) -> None:
    """The service cannot be reached for a while: the client says so, and is who it was."""
    visitor = await arrive()
    async with wire_to(new_service.port) as wire:
        visit = await visitor.begin(direct_urls(wire.port))
        wire.cut()
        lost = await visitor.call("identify")
        wire.target = new_service.port
        back = await visitor.call("identify")

    assert (lost["httpCode"], lost["mpid"]) == (-1, visit["mpid"])
    assert (back["httpCode"], back["mpid"]) == (200, visit["mpid"])
    assert surprises(visitor, NETWORK, UNREACHED, *UPLOADS) == []


async def test_bad_day(ailing: Ailing, strategy: Strategy, arrive: Arrive) -> None:
    """ID-234: too many calls, then a full disk: the client hears which, and goes on when it is over."""
    first, second = somebody(), somebody()
    service, disk = ailing
    visitor = await arrive()
    await visitor.begin(direct_urls(service.port))
    account = await try_until(visitor, "login", first, 200)
    throttled = await try_until(visitor, "login", first, 429)
    disk.write(error=errno.ENOSPC, only="idsync.db.log-wal")
    refused = await try_until(visitor, "login", second, 503)
    disk.write()
    after = await try_until(visitor, "login", second, 200)

    assert throttled["body"] == "Received HTTP Code of 429"
    assert refused["body"] == "Received HTTP Code of 503"
    assert throttled["mpid"] == refused["mpid"] == account["mpid"]
    assert (after["mpid"] == account["mpid"]) == (strategy.story["second_user"] == strategy.story["sign_up"])
    assert surprises(visitor, *status(429), *status(503), *UPLOADS) == []


async def test_service_dies(tmp_path: Path, trust: Trust, strategy: Strategy, arrive: Arrive) -> None:
    """A service is killed and another takes over: everybody is who they were, and new people can come."""
    person = somebody()
    visitor = await arrive()
    async with AsyncExitStack() as stack:
        service = stack.enter_context(serving(tmp_path, strategy.configuration, trust))
        wire = await stack.enter_async_context(wire_to(service.port))
        await visitor.begin(direct_urls(wire.port))
        account = await visitor.call("login", person)
        service.kill()
        gone = await visitor.call("login", somebody())
        wire.target = stack.enter_context(serving(tmp_path, strategy.configuration, trust)).port
        back = await visitor.call("login", person)
        other = await visitor.call("login", somebody())

    assert (gone["httpCode"], gone["mpid"]) == (-1, account["mpid"])
    assert (back["httpCode"], back["mpid"]) == (200, account["mpid"])
    assert other["httpCode"] == 200
    assert (other["mpid"] == account["mpid"]) == (strategy.story["second_user"] == strategy.story["sign_up"])
    assert surprises(visitor, NETWORK, UNREACHED, *UPLOADS) == []
