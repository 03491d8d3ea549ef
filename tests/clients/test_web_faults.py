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
from tests.clients.conftest import Arrive
from tests.clients.people import somebody
from tests.clients.service import Service, Trust, serving
from tests.clients.strategies import Strategy
from tests.clients.wire import wire_to
from tests.crash.faults import faults

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]

DEADLINE_S: Final = 60
NETWORK: Final = r"error: Failed to load resource: net::ERR_\w+"
UNREACHED: Final = r"error: Error sending identity request to servers - Failed to fetch"
HURRIED: Final = "\n[limits]\nrequests_per_second_per_key = 3\n"


def status(code: int) -> tuple[str, str]:
    """What a browser, and the client, say of an answer with a status that is no success."""
    return (
        rf"error: Failed to load resource: the server responded with a status of {code} \(.*\)",
        rf"error: Error sending identity request to servers - Received HTTP Code of {code}",
    )


def surprises(visitor: Visitor, *expected: str) -> list[str]:
    """List complaints beyond those that any server must cause."""
    return [each for each in visitor.complaints if not any(re.fullmatch(one, each) for one in expected)]


async def try_until(visitor: Visitor, method: str, person: dict[str, str], word: str) -> Report:
    """Call again until the answer holds a word: limits are windows of real time."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            report = await visitor.call(method, person)
            if word in f"{report['httpCode']} {report['body']}":
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


async def test_bad_day(tmp_path: Path, trust: Trust, strategy: Strategy, arrive: Arrive) -> None:
    """ID-234: too many calls, a full disk, a service that dies and comes back: no login is lost."""
    first, second, third = somebody(), somebody(), somebody()
    visitor = await arrive()
    async with AsyncExitStack() as stack:
        disk = stack.enter_context(faults(tmp_path / "faults"))
        settings = strategy.configuration + HURRIED
        service = stack.enter_context(serving(tmp_path, settings, trust, disk.environment))
        wire = await stack.enter_async_context(wire_to(service.port))
        visit = await visitor.begin(direct_urls(wire.port))
        account = await try_until(visitor, "login", first, "200")
        throttled = await try_until(visitor, "login", first, "429")
        disk.write(error=errno.ENOSPC, only="idsync.db.log-wal")
        refused = await try_until(visitor, "login", second, "503")
        disk.write()
        other = await try_until(visitor, "login", second, "200")
        service.kill()
        gone = await visitor.call("login", first)
        successor = stack.enter_context(serving(tmp_path, strategy.configuration, trust))
        wire.target = successor.port
        back = await visitor.call("login", first)
        unknown_until_now = await visitor.call("login", third)

    assert visit["httpCode"] == 200
    assert throttled["body"] == "Received HTTP Code of 429"
    assert refused["body"] == "Received HTTP Code of 503"
    assert throttled["mpid"] == refused["mpid"] == account["mpid"]
    assert (gone["httpCode"], gone["mpid"]) == (-1, other["mpid"])
    assert (back["httpCode"], back["mpid"]) == (200, account["mpid"])
    assert unknown_until_now["httpCode"] == 200
    uploads = (r"error: HTTP error status (429|503) received", r"error: .*sending event .*Failed to fetch")
    expected = (*status(429), *status(503), NETWORK, UNREACHED, *uploads)
    assert surprises(visitor, *expected) == []
