"""What is accepted is processed in order and once, whoever is away meanwhile (PL-006, PI-008)."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from idsync.client import AsyncClient, BasicCredentials, DelegateCredentials, OperatorCredentials, RetryPolicy
from idsync.client import identities as named
from idsync.config import parse_configuration
from idsync.model.batch_identities import identities_of
from idsync.model.errors import UnavailableError
from idsync.model.events import Batch, Channel, Event, Stored
from idsync.model.identity import Environment
from idsync.pipeline import intake as intake_module
from idsync.pipeline.intake import Intake
from idsync.pipeline.profile.documents import read_document
from idsync.pipeline.profile.reading import read_batch
from idsync.pipeline.profile.record import WorkspaceProfile
from idsync.pipeline.runner import runner as runner_module
from idsync.pipeline.runner.group import MAX_ATTEMPTS
from idsync.pipeline.runner.meters import RunnerMeters
from idsync.pipeline.runner.runner import Runner
from idsync.pipeline.stages.identity import Attributed, IdentityStage, Outcome, Postponed
from idsync.pipeline.stages.profile_write import ProfileWrite
from idsync.pipeline.store.protocol import EventStore
from idsync.pipeline.store.work import Death, Figures, Settlement
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1 import privacy_service_pb2 as privacy
from tests.unit.gateway.events.conftest import WITH_READERS

SERVER = BasicCredentials("us1-server", "server-secret")
OPERATOR = OperatorCredentials("op-token")
Body = dict[str, Any]


def batch_of(body: Body, channel: Channel = Channel.SERVER, mpid: int | None = None) -> Batch:
    members = body if mpid is None else {**body, "mpid": mpid}
    return Batch(
        channel,
        Environment.PRODUCTION,
        "",
        mpid,
        identities_of(body, None),
        tuple(Event(each["event_type"], "", None) for each in body.get("events", [])),
        json.dumps(members).encode(),
    )


def of(customer: str, **attributes: object) -> Body:
    return {"user_identities": {"customer_id": customer}, "user_attributes": attributes}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service(clock: ManualClock, tmp_path: Path) -> AsyncIterator[App]:
    configuration = parse_configuration(WITH_READERS, tmp_path)
    async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock) as app:
        yield app


@pytest.fixture
def client(service: App) -> AsyncClient:
    return AsyncClient(service.local_transport, retry=RetryPolicy(attempts=1))


@pytest.fixture
def identity(service: App, client: AsyncClient) -> IdentityStage:
    return IdentityStage(client, lambda key: DelegateCredentials(key, service.delegate_token))


@pytest.fixture
def runner(store: EventStore, identity: IdentityStage, clock: ManualClock) -> Runner:
    return Runner(store.queue, identity, RunnerMeters(CollectorRegistry()), clock)


@pytest.fixture
def take(store: EventStore, client: AsyncClient, service: App, clock: ManualClock) -> Callable[..., Any]:
    intake = Intake(store, service.registry, clock)

    async def take(*batches: Batch) -> None:
        taken = await intake.take(client, batches, Channel.SERVER, SERVER)
        assert taken == [Stored.ACCEPTED] * len(batches)

    return take


async def all_done(runner: Runner) -> None:
    while await runner.once():
        pass


async def mpid_of(client: AsyncClient, customer: str) -> int:
    request = pb.SearchRequest(
        environment=nouns.ENVIRONMENT_PRODUCTION, known_identities=named({"customerid": customer})
    )
    return (await client.search(request, credentials=SERVER)).mpid


async def profile(store: EventStore, mpid: int, workspace: str = "shop") -> WorkspaceProfile:
    return read_document((await store.documents_of(mpid))[workspace])


async def values(store: EventStore, mpid: int) -> dict[str, object]:
    known = await profile(store, mpid)
    return {name: write.value for name, write in known.attributes.items() if not write.is_deleted}


class TestSound:
    async def test_what_was_accepted_is_on_the_profile(
        self, store: EventStore, runner: Runner, take: Any, client: AsyncClient
    ) -> None:
        """PI-002, PR-001: in groups, and the later of one user holds."""
        await take(*(batch_of(of(f"c-{n % 50}", tier=n, own=n % 50)) for n in range(300)))

        await all_done(runner)

        for n in range(50):
            assert await values(store, await mpid_of(client, f"c-{n}")) == {"tier": 250 + n, "own": n}
        assert await store.queue.figures() == Figures(0, 0, 0)

    async def test_the_runner_ends_when_all_is_done(
        self, store: EventStore, runner: Runner, take: Any
    ) -> None:
        await take(*(batch_of(of(f"c-{n}", tier=n)) for n in range(200)))
        runner.end()

        await asyncio.wait_for(runner.run(), 60)

        assert await store.queue.figures() == Figures(0, 0, 0)

    async def test_who_is_woken_does_not_wait(
        self, store: EventStore, runner: Runner, take: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A batch that this process took in is processed at once."""
        monkeypatch.setattr(runner_module, "POLL_S", 3_600.0)
        running = asyncio.create_task(runner.run())
        await asyncio.sleep(0)
        await take(batch_of(of("c-1", tier=1)))
        runner.wake()

        async with asyncio.timeout(60):
            while await store.backlog():  # noqa: ASYNC110 - it is the store that says so
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])


class TestIdentity:
    async def test_an_erased_profile_is_not_brought_back(
        self, store: EventStore, runner: Runner, take: Any, client: AsyncClient
    ) -> None:
        """PI-016: a late batch goes to whom its identities mean now; one that names the dead is refused."""
        await take(batch_of(of("c-1", tier="gold")))
        await all_done(runner)
        old = await mpid_of(client, "c-1")
        late = batch_of({**of("c-1", tier="late"), "events": [{"event_type": "session_start"}]})
        await take(late, batch_of(of("c-1", tier="dead"), mpid=old))
        await client.erase(
            privacy.EraseRequest(scope="shop", environment=nouns.ENVIRONMENT_PRODUCTION, mpids=[old]),
            credentials=OPERATOR,
        )

        await all_done(runner)

        new = await mpid_of(client, "c-1")
        assert new != old
        assert (await values(store, old), await values(store, new)) == ({"tier": "gold"}, {"tier": "late"})
        assert len(await store.events_of(new, "shop", None, 10)) == 1
        (letter,) = await store.dead_letters.list(None, 10)
        assert (letter.mpid, letter.cause) == (old, "unknown_mpid")

    async def test_a_service_that_is_away_loses_nothing_and_lets_nothing_pass(
        self, store: EventStore, runner: Runner, take: Any, client: AsyncClient, service: App
    ) -> None:
        """PI-008: for however long."""
        await take(*(batch_of(of(f"c-{n}", tier=n)) for n in range(3)))
        mpids = [await mpid_of(client, f"c-{n}") for n in range(3)]
        nobody = socket.create_server(("127.0.0.1", 0))
        away = AsyncClient.connect(f"127.0.0.1:{nobody.getsockname()[1]}", retry=RetryPolicy(attempts=1))
        nobody.close()
        lonely = Runner(
            store.queue,
            IdentityStage(away, lambda key: DelegateCredentials(key, "")),
            RunnerMeters(CollectorRegistry()),
            ManualClock(),
        )

        for _ in range(3 * MAX_ATTEMPTS):
            with pytest.raises(UnavailableError):
                await lonely.once()
        await away.close()
        assert await store.queue.figures() == Figures(3, 0, 0)
        assert [await store.documents_of(mpid) for mpid in mpids] == [{}] * 3

        await all_done(runner)
        assert [await values(store, mpid) for mpid in mpids] == [{"tier": n} for n in range(3)]

    async def test_an_answer_that_nothing_is_available_is_no_attempt(
        self, store: EventStore, take: Any, service: App
    ) -> None:
        """PI-008: said of each call, where the database of the graph is away; said of one, he is busy."""
        await take(batch_of(of("a", tier=1)), batch_of(of("b", tier=1)))
        readings = [read_batch(batch) for batch in await store.queue.next(10, 0)]
        busy = _Busy(service.local_transport)
        stage = IdentityStage(busy, lambda key: DelegateCredentials(key, service.delegate_token))

        busy.calls = 1
        one, other = await stage.attribute(readings)
        busy.calls = 2
        with pytest.raises(UnavailableError):
            await stage.attribute(readings)

        assert one == Postponed("identity_unavailable")
        assert other == Attributed(readings[1].batch.mpid)

    async def test_an_input_that_is_gone_leaves_dead_letters(
        self, store: EventStore, take: Any, client: AsyncClient, clock: ManualClock
    ) -> None:
        """They can be sent again once it is back; nobody else is held up."""
        await take(batch_of(of("c-1", tier=1)))
        stranger = IdentityStage(client, lambda key: DelegateCredentials(key, "wrong"))

        await all_done(Runner(store.queue, stranger, RunnerMeters(CollectorRegistry()), clock))

        assert [each.cause for each in await store.dead_letters.list("shop", 10)] == ["unknown_input"]


class _Busy(AsyncClient):
    """A client whose first calls are answered as those that lost too many races are."""

    calls = 0

    async def batch_resolve(self, request: pb.BatchResolveRequest, **options: Any) -> pb.BatchResolveResponse:
        answer = await super().batch_resolve(request, **options)
        for result in answer.results[: self.calls]:
            result.error.CopyFrom(pb.ResolveError(code=14, reason="UNAVAILABLE", message="busy"))
        return answer


class _Reluctant(IdentityStage):
    """The real stage, which cannot say it of one batch."""

    def __init__(self, stage: IdentityStage, batch_id: int) -> None:
        self.stage = stage
        self.batch_id: int | None = batch_id
        self.seen: list[int] = []

    async def attribute(self, readings: Sequence[Any]) -> list[Outcome]:
        outcomes = await self.stage.attribute(readings)
        self.seen += [reading.batch.batch_id for reading in readings]
        return [
            Postponed("identity_fault")
            if isinstance(outcome, Attributed) and reading.batch.batch_id == self.batch_id
            else outcome
            for reading, outcome in zip(readings, outcomes, strict=True)
        ]


class TestTrouble:
    async def test_one_who_is_held_up_holds_up_nobody_else(
        self,
        store: EventStore,
        identity: IdentityStage,
        take: Any,
        client: AsyncClient,
        clock: ManualClock,
    ) -> None:
        """PI-008: he keeps his place; once his turn is had, the rest of his follow in order."""
        await take(*(batch_of(of(name, tier=n)) for n, name in enumerate(("a", "b", "a"))))
        a, b = await mpid_of(client, "a"), await mpid_of(client, "b")
        first = (await store.queue.next(1, 0))[0]
        reluctant = _Reluctant(identity, first.batch_id)
        runner = Runner(store.queue, reluctant, RunnerMeters(CollectorRegistry()), clock)
        await all_done(runner)
        await take(batch_of(of("a", tier=3)))
        await all_done(runner)

        assert await values(store, b) == {"tier": 1}
        assert await store.documents_of(a) == {}
        assert await store.queue.figures() == Figures(0, 3, 0)
        clock.advance(2_600)
        reluctant.batch_id = None
        reluctant.seen = []
        await all_done(runner)
        assert await values(store, a) == {"tier": 3}
        assert reluctant.seen == sorted(reluctant.seen)
        assert await store.queue.figures() == Figures(0, 0, 0)

    async def test_attempts_come_to_an_end(
        self,
        store: EventStore,
        identity: IdentityStage,
        take: Any,
        client: AsyncClient,
        clock: ManualClock,
    ) -> None:
        """OU-050: with growing waits, then the next in line has his turn; an operator can send it again."""
        await take(batch_of(of("a", tier="first")), batch_of(of("a", colour="second")))
        a = await mpid_of(client, "a")
        first = (await store.queue.next(1, 0))[0]
        reluctant = _Reluctant(identity, first.batch_id)
        runner = Runner(store.queue, reluctant, RunnerMeters(CollectorRegistry()), clock)
        waits = []
        await all_done(runner)
        for _ in range(MAX_ATTEMPTS - 2):
            begun_ms = clock.now_ms
            before = len(reluctant.seen)
            while len(reluctant.seen) == before:
                clock.advance(500)
                await runner.once()
            waits.append(clock.now_ms - begun_ms)
        reluctant_once = len(await store.dead_letters.list(None, 10))
        clock.advance(600_000)
        await all_done(runner)

        (letter,) = await store.dead_letters.list(None, 10)
        assert reluctant_once == 0
        assert (letter.cause, letter.attempts) == ("identity_fault", MAX_ATTEMPTS)
        assert all(2 * shorter * 0.75 < longer for shorter, longer in itertools.pairwise(waits))
        assert await values(store, a) == {"colour": "second"}
        assert await store.dead_letters.send_again(letter.batch_id)
        reluctant.batch_id = None
        await all_done(runner)
        assert await values(store, a) == {"colour": "second", "tier": "first"}

    async def test_a_poison_batch_goes_to_the_dead_letters_and_the_queue_goes_on(
        self,
        store: EventStore,
        runner: Runner,
        take: Any,
        client: AsyncClient,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Whatever fault of ours it brings out; its neighbours are processed once, in order."""
        await take(*(batch_of(of(f"c-{n}", tier=n, poison=n == 5)) for n in range(10)))
        apply = ProfileWrite.apply

        def dies(self: ProfileWrite, reading: Any, mpid: int) -> list[str]:
            if reading.body["user_attributes"]["poison"]:
                raise ZeroDivisionError
            return apply(self, reading, mpid)

        monkeypatch.setattr(ProfileWrite, "apply", dies)
        await all_done(runner)

        (letter,) = await store.dead_letters.list(None, 10)
        assert (letter.cause, json.loads(letter.body)["user_attributes"]["tier"]) == ("fault", 5)
        assert [bool(await store.documents_of(await mpid_of(client, f"c-{n}"))) for n in range(10)] == [
            n != 5 for n in range(10)
        ]
        monkeypatch.undo()
        await store.dead_letters.send_again(letter.batch_id)
        await all_done(runner)
        assert (await values(store, await mpid_of(client, "c-5")))["tier"] == 5

    async def test_a_correction_that_is_no_json_is_a_dead_letter_again(
        self, store: EventStore, runner: Runner, take: Any, client: AsyncClient
    ) -> None:
        await take(batch_of(of("c-1", tier=1)))
        (batch,) = await store.queue.next(1, 0)
        await store.queue.lead()
        await store.queue.settle(Settlement(dead=[Death(batch, "fault", 1)]))
        for body, letters in ((b"{", ["unreadable"]), (b"[]", ["unreadable"]), (b"{}", [])):
            assert await store.dead_letters.correct(batch.batch_id, body)
            assert await store.dead_letters.send_again(batch.batch_id)
            await all_done(runner)
            assert [each.cause for each in await store.dead_letters.list(None, 10)] == letters

        assert await values(store, await mpid_of(client, "c-1")) == {}


async def test_a_queue_that_is_too_long_takes_no_more(
    store: EventStore,
    client: AsyncClient,
    service: App,
    clock: ManualClock,
    runner: Runner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Senders come again later, and are heard once it is shorter."""
    monkeypatch.setattr(intake_module, "MAX_BACKLOG", 2)
    intake = Intake(store, service.registry, clock)
    sent = [batch_of(of(f"c-{n}")) for n in range(2)]
    await intake.take(client, sent, Channel.SERVER, SERVER)
    clock.advance(1_000)

    for _ in range(2):
        with pytest.raises(UnavailableError) as caught:
            await intake.take(client, sent, Channel.SERVER, SERVER)
        assert caught.value.retry_delay_s == 30
    await all_done(runner)
    clock.advance(1_000)
    assert await intake.take(client, sent, Channel.SERVER, SERVER) == [Stored.ACCEPTED] * 2
