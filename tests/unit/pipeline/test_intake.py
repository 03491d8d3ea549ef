"""Attribution asks the identity service, and what cannot be asked or kept now is not half kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.client import AsyncClient, BasicCredentials, OperatorCredentials
from idsync.config import parse_configuration
from idsync.model.errors import ForbiddenError, RateLimitedError, UnauthenticatedError
from idsync.model.events import Batch, BatchRefusedError, Channel, Event, Stored
from idsync.model.identity import Environment, IdentityType
from idsync.pipeline.intake import Intake
from idsync.pipeline.store.embedded import EmbeddedEventStore
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_pb2 as nouns
from tests.unit.gateway.events.conftest import WITH_READERS

SERVER = BasicCredentials("us1-server", "server-secret")
WRONG = BasicCredentials("us1-server", "wrong")
OPERATOR = OperatorCredentials("op-token")
LIMITED = "\n[limits]\nrequests_per_second_per_key = 3\n"


def batch(
    mpid: int | None = None,
    *,
    request_id: str = "",
    channel: Channel = Channel.SERVER,
    **identities: str,
) -> Batch:
    return Batch(
        channel,
        Environment.PRODUCTION,
        request_id,
        mpid,
        {IdentityType[name.upper()]: value for name, value in identities.items()},
        (Event("custom_event", "a", 1_000),),
        b"{}",
    )


@pytest.fixture
def limits() -> str:
    return ""


@pytest.fixture
async def service(clock: ManualClock, limits: str) -> AsyncIterator[App]:
    configuration = parse_configuration(WITH_READERS + limits, Path())
    async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock) as app:
        yield app


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def client(service: App) -> AsyncClient:
    return AsyncClient(service.local_transport)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedEventStore]:
    store = EmbeddedEventStore.open(tmp_path / "events.db")
    yield store
    await store.close()


@pytest.fixture
def intake(service: App, store: EmbeddedEventStore, clock: ManualClock) -> Intake:
    return Intake(store, service.registry, lambda: clock.now_ms)


async def journal(client: AsyncClient) -> int:
    request = graph.ListJournalRequest(scope="shop", environment=nouns.ENVIRONMENT_PRODUCTION)
    return len((await client.list_journal(request, credentials=OPERATOR)).entries)


async def test_naming_a_profile_changes_nothing_of_it(client: AsyncClient, intake: Intake) -> None:
    """ID-200: what a batch with an MPID says of identities is not even offered to the profile."""
    await intake.take(client, [batch(email="a@example.com")], Channel.SERVER, SERVER)
    before = await journal(client)
    found = await client.find_profiles(
        graph.FindProfilesRequest(
            scope="shop",
            environment=nouns.ENVIRONMENT_PRODUCTION,
            identity=nouns.Identity(type=nouns.IDENTITY_TYPE_EMAIL, value="a@example.com"),
        ),
        credentials=OPERATOR,
    )
    mpid = found.profiles[0].mpid

    taken = await intake.take(client, [batch(mpid, customerid="c-1")], Channel.SERVER, SERVER)

    assert taken == [Stored.ACCEPTED]
    assert before == await journal(client) == 1
    assert len(await intake.events_of(mpid, "shop", None, 10)) == 2


async def test_an_mpid_that_does_not_exist_makes_nobody(client: AsyncClient, intake: Intake) -> None:
    """ID-200: nor do its identities."""
    (taken,) = await intake.take(client, [batch(77, customerid="c-1")], Channel.SERVER, SERVER)

    assert isinstance(taken, BatchRefusedError)
    assert taken.cause == "unknown_mpid"
    assert await journal(client) == 0


@pytest.mark.parametrize("limits", [LIMITED])
async def test_over_the_limit_nothing_of_an_upload_is_kept(client: AsyncClient, intake: Intake) -> None:
    """ID-234: each batch counts; what is sent again later must not double what was kept before."""
    batches = [batch(email=f"{n}@example.com", request_id=f"r{n}") for n in range(20)]

    with pytest.raises(RateLimitedError):
        await intake.take(client, batches, Channel.SERVER, SERVER)

    assert not await intake._store.holds("shop", "us1-server", "r0")


async def test_wrong_credentials_are_wrong_whatever_the_batches_are(
    client: AsyncClient, intake: Intake
) -> None:
    """Also for an input that was here before, and for batches that ask the identity service nothing."""
    await intake.take(client, [batch(email="a@example.com")], Channel.SERVER, SERVER)
    unread = BatchRefusedError("unread", cause="too_large")
    for batches in ([batch(email="a@example.com")], [unread], [batch(channel=Channel.HISTORICAL)], []):
        with pytest.raises(UnauthenticatedError):
            await intake.take(client, batches, Channel.SERVER, WRONG)

    assert await intake.refused(None, 10) == []


async def test_an_operator_sends_no_events(client: AsyncClient, intake: Intake) -> None:
    with pytest.raises(ForbiddenError):
        await intake.take(client, [batch(email="a@example.com")], Channel.SERVER, OPERATOR)


async def test_what_was_kept_is_not_refused_when_it_comes_again(
    client: AsyncClient, intake: Intake, service: App
) -> None:
    """Its sender only never heard the answer; meanwhile the profile may be gone."""
    kept = batch(email="a@example.com", request_id="r")
    await intake.take(client, [kept], Channel.SERVER, SERVER)
    gone = batch(77, request_id="r")

    assert await intake.take(client, [gone], Channel.SERVER, SERVER) == [Stored.DUPLICATE]
    assert await intake.refused(None, 10) == []
