"""The server clients for Node and Python: whose their events are, and what they are told of faults."""

from __future__ import annotations

import asyncio
import errno
from typing import Any, Final
from uuid import uuid4

import pytest

from idsync.v1.identity_pb2 import IDENTITY_TYPE_ANDROID_UUID, IDENTITY_TYPE_CUSTOMERID
from tests.clients.backends import BACKENDS, Backend, Step
from tests.clients.browser import direct_urls
from tests.clients.conftest import Ailing, Arrive
from tests.clients.people import somebody
from tests.clients.service import Service
from tests.clients.strategies import Strategy

pytestmark = [
    pytest.mark.clients,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("node_modules"),
]

STORIES: Final = {
    "default": "AABBA",
    "profile_conversion": "AABBA",
    "profile_link": "ABACB",
    "profile_isolation": "ABACB",
    "best_match": "AAAAA",
}
"""Of a backend that names whom it means with each batch; nobody ever says that somebody signed out."""
DEADLINE_S: Final = 60


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each client in turn."""
    chosen: Backend = request.param
    return chosen


def device() -> dict[str, str]:
    """Invent a device."""
    return {"android_uuid": uuid4().hex}


async def test_story(service: Service, strategy: Strategy, backend: Backend) -> None:
    """ID-201: a batch without MPID is resolved like an identify with its user and device identities."""
    first, second, shared, own = somebody(), somebody(), device(), device()
    steps: list[dict[str, Any]] = [
        {"events": ["visit"], "device": shared},
        {"events": ["sign-up"], "device": shared, "identities": first},
        {"events": ["nobody signed in"], "device": shared},
        {"events": ["second user"], "device": shared, "identities": second},
        {"events": ["second device"], "device": own, "identities": first},
    ]
    answers = await backend.upload(steps, service.port, service.trust)
    holders = await service.holders(IDENTITY_TYPE_ANDROID_UUID, shared["android_uuid"])
    owners = {event["name"]: mpid for mpid in holders for event in service.events(mpid)}
    letters: dict[str, str] = {}
    story = "".join(
        letters.setdefault(owners[step["events"][0]], chr(ord("A") + len(letters))) for step in steps
    )

    assert [answer["status"] for answer in answers] == [202] * len(steps)
    assert story == STORIES[strategy.name]


async def test_same_person_as_in_the_browser(
    service: Service, backend: Backend, strategy: Strategy, arrive: Arrive
) -> None:
    """ID-200: what a backend uploads for a customer, a browser or an MPID is with what the browser did."""
    person = somebody()
    visitor = await arrive()
    visit = await visitor.begin(direct_urls(service.port))
    of_device = {"events": ["by device"], "mp_deviceid": await visitor.device()}
    while_visiting = await backend.upload([of_device], service.port, service.trust)
    account = await visitor.call("login", person)
    steps = [
        {"events": ["by customer"], "identities": {"customerid": person["customerid"]}},
        {"events": ["by mpid"], "mpid": account["mpid"], "identities": somebody()},
        {"bulk": [{"events": ["in bulk"], "identities": person}, {"events": ["bad: of nobody"]}]},
    ]
    answers = await backend.upload(steps, service.port, service.trust)
    names = {event["name"] for event in await service.events_with(account["mpid"], {"in bulk"})}
    before = {event["name"] for event in await service.events_with(visit["mpid"], {"by device"})}

    assert [answer["status"] for answer in (*while_visiting, *answers)] == [202] * 4
    assert {"by customer", "by mpid", "in bulk"} <= names
    assert "by device" in before
    assert "bad: of nobody" not in names
    assert visitor.complaints == []


async def test_batch_comes_again(new_service: Service, backend: Backend) -> None:
    """http-wire 11: a batch that is uploaded again under its id counts once."""
    person = somebody()
    step = {"events": ["once"], "identities": person, "source_request_id": str(uuid4())}
    answers = await backend.upload([step, step], new_service.port, new_service.trust)
    (mpid,) = await new_service.holders(IDENTITY_TYPE_CUSTOMERID, person["customerid"])
    events = new_service.events(mpid)

    assert [answer["status"] for answer in answers] == [202, 202]
    assert [event["name"] for event in events] == ["once"]


async def test_refusals(new_service: Service, backend: Backend, nobody: str) -> None:
    """http-wire 2, 7.3: missing and wrong credentials are told apart, and what is wrong is said."""
    person = somebody()
    good = {"events": ["refused"], "identities": person}
    (missing,) = await backend.upload([good], new_service.port, new_service.trust, ("", ""))
    (wrong,) = await backend.upload([good], new_service.port, new_service.trust, ("us1-shop-server", "wrong"))
    (of_nobody,) = await backend.upload([{"events": ["of nobody"]}], new_service.port, new_service.trust)
    (unreached,) = await backend.upload([good], int(nobody.rpartition(":")[2]), new_service.trust)
    holders = await new_service.holders(IDENTITY_TYPE_CUSTOMERID, person["customerid"])

    # the client for Python sends a header with empty credentials, which are wrong ones
    assert missing["status"] == {"node": 401, "python": 403}[backend.name]
    assert wrong["status"] == 403
    assert of_nobody["status"] == 400
    assert '"code":"BAD_REQUEST"' in of_nobody["body"]
    assert unreached["status"] == 0
    assert holders == []


async def test_bad_day(ailing: Ailing, backend: Backend) -> None:
    """ID-234, http-wire 7.3: a limit with its delay, a full disk, and nothing is there that was refused."""
    service, disk = ailing
    people = [somebody() for _ in range(12)]
    steps = [{"events": ["hurry"], "identities": person} for person in people]
    answers = await backend.upload(steps, service.port, service.trust)
    known = [
        person for person in people if await service.holders(IDENTITY_TYPE_CUSTOMERID, person["customerid"])
    ]
    throttled = [answer for answer in answers if answer["status"] == 429]
    disk.write(error=errno.ENOSPC, only="idsync.db.log-wal")
    person = somebody()
    step = {"events": ["full disk"], "identities": person}
    refused = await upload_until(503, backend, step, service)
    disk.write()
    await upload_until(202, backend, step, service)
    holders = await service.holders(IDENTITY_TYPE_CUSTOMERID, person["customerid"])

    assert throttled
    assert {answer["status"] for answer in answers} <= {202, 429}
    assert {answer["headers"]["retry-after"] for answer in (*throttled, refused)} == {"1"}
    assert len(known) == len(answers) - len(throttled)
    assert len(holders) == 1


async def upload_until(status: int, backend: Backend, step: Step, service: Service) -> dict[str, Any]:
    """Upload again until the answer has a status: limits are windows of real time."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            (answer,) = await backend.upload([step], service.port, service.trust)
            if answer["status"] == status:
                return answer
