"""The server itself: health, reflection, TLS, limits, metrics, starting and stopping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from idsync.client import AsyncClient, GrpcTransport, RetryPolicy, identities
from idsync.config import Configuration, Limits, Tls
from idsync.model.errors import ConfigurationError, RateLimitedError, StoreError, UnavailableError
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from idsync.v1 import admin_service_pb2, identity_pb2
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import OPERATOR, SHOP

PRODUCTION = identity_pb2.ENVIRONMENT_PRODUCTION
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def identify(value: str = "d") -> pb.IdentifyRequest:
    return pb.IdentifyRequest(environment=PRODUCTION, known_identities=identities({"ios_idfv": value}))


@pytest.fixture
def database_url() -> str:
    """None of this depends on the store."""
    return "memory://"


class TestOpenToEverybody:
    @pytest.mark.parametrize("service", ["", "idsync.v1.IdentityService", "idsync.v1.GraphService"])
    async def test_health(self, app: App, service: str) -> None:
        async with grpc.aio.insecure_channel(app.grpc_address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))

        assert answer.status == SERVING

    async def test_reflection(self, app: App) -> None:
        """`grpcurl` works without a proto file."""
        async with grpc.aio.insecure_channel(app.grpc_address) as channel:
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
            call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
            answer = await anext(aiter(call))

        assert {service.name for service in answer.list_services_response.service} == {
            "idsync.v1.IdentityService",
            "idsync.v1.GraphService",
            "idsync.v1.AdminService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }


async def test_methods_are_found_by_name(client: AsyncClient) -> None:
    """A task for each registered method, all looked at for each call, would double what a call costs."""
    await client.identify(identify())

    assert len(asyncio.all_tasks()) < 10


class TestTls:
    async def test_encrypted(self, configuration: Configuration, tmp_path: Path, clock: ManualClock) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        files = Tls(tmp_path / "chain.pem", tmp_path / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(str(files.certificate_file))
        certificate.private_key_pem.write_to_path(str(files.key_file))
        secret = replace(configuration, tls=files)

        async with (
            open_app(secret, "memory://", "localhost:0", clock=clock) as app,
            AsyncClient.connect(app.grpc_address, SHOP, tls_roots=authority.cert_pem.bytes()) as client,
        ):
            answer = await client.get_caller(pb.GetCallerRequest())

        assert answer.workspace == "shop"

    async def test_missing_files(self, configuration: Configuration, tmp_path: Path) -> None:
        broken = replace(configuration, tls=Tls(tmp_path / "none", tmp_path / "none"))

        with pytest.raises(ConfigurationError, match="certificate"):
            async with open_app(broken, "memory://", "localhost:0"):
                pass

    async def test_broken_files(self, configuration: Configuration, tmp_path: Path) -> None:
        (tmp_path / "junk").write_text("junk")
        broken = replace(configuration, tls=Tls(tmp_path / "junk", tmp_path / "junk"))

        with pytest.raises(ConfigurationError, match="localhost:0"):
            async with open_app(broken, "memory://", "localhost:0"):
                pass


class TestLimits:
    @pytest.fixture
    def configuration(self, configuration: Configuration) -> Configuration:
        """So slow that a test can be faster."""
        return replace(configuration, limits=Limits(requests_per_second_per_key=2))

    async def test_refused_with_the_wait(self, app: App, client: AsyncClient) -> None:
        """ID-234, ID-240."""
        for _ in range(2):
            await client.identify(identify())

        with pytest.raises(RateLimitedError) as caught:
            await client.identify(identify())

        assert caught.value.metadata == {"limit": "app"}
        assert 0 < caught.value.retry_delay_s <= 1

    async def test_calls_of_a_batch_count_each(self, client: AsyncClient) -> None:
        """Otherwise a batch would be the way around every limit."""
        batch = pb.BatchResolveRequest(calls=[pb.ResolveCall(identify=identify())] * 4)

        results = (await client.batch_resolve(batch)).results

        assert [r.WhichOneof("result") for r in results] == ["identify", "identify", "error", "error"]
        assert results[3].error.reason == "TOO_MANY_REQUESTS"
        assert results[3].error.retry_delay_s > 0

    async def test_use_is_said(self, app: App) -> None:
        async with grpc.aio.insecure_channel(app.grpc_address) as channel:
            call: Any = channel.unary_unary("/idsync.v1.IdentityService/Identify")
            running = call(identify().SerializeToString(), metadata=SHOP.metadata())
            await running
            trailing = dict(await running.trailing_metadata())

        assert trailing["x-mp-rate-limit-percentage-used"] == "50"

    async def test_operators_get_through(self, client: AsyncClient) -> None:
        for _ in range(3):
            await client.list_scopes(admin_service_pb2.ListScopesRequest(), credentials=OPERATOR)


async def test_hot_identity_alone(configuration: Configuration, clock: ManualClock) -> None:
    """ID-240."""
    limited = replace(configuration, limits=Limits(requests_per_second_per_identity=1))
    async with (
        open_app(limited, "memory://", "127.0.0.1:0", clock=clock) as app,
        AsyncClient.connect(app.grpc_address, SHOP) as client,
    ):
        mpid = (await client.identify(identify("hot"))).mpid

        with pytest.raises(RateLimitedError):
            await client.identify(identify("hot"))
        change = pb.IdentityChange(type=identity_pb2.IDENTITY_TYPE_IOS_IDFV, old_value="hot")
        with pytest.raises(RateLimitedError):
            await client.modify(
                pb.ModifyRequest(environment=PRODUCTION, mpid=mpid, identity_changes=[change])
            )
        assert (await client.identify(identify("cold"))).mpid != mpid
        batch = pb.BatchResolveRequest(calls=[pb.ResolveCall(identify=identify("hot"))])
        (result,) = (await client.batch_resolve(batch)).results
        assert result.error.reason == "TOO_MANY_REQUESTS"


async def test_metrics(app: App, client: AsyncClient) -> None:
    """Calls by code, outcomes by rule, notices by reason."""
    await client.identify(identify())
    await client.identify(identify())
    request = identify()
    request.known_identities.add(type=identity_pb2.IDENTITY_TYPE_EMAIL, value=" ")
    batch = pb.BatchResolveRequest(calls=[pb.ResolveCall(identify=request)])
    await client.batch_resolve(batch)

    def outcomes(outcome: str, rule: str) -> float | None:
        labels = {"scope": "retail", "outcome": outcome, "rule": rule}
        return app.registry.get_sample_value("idsync_outcomes_total", labels)

    assert outcomes("created", "link/new-anonymous") == 1
    assert outcomes("found", "link/anonymous") == 2
    assert app.registry.get_sample_value("idsync_notices_total", {"type": "email", "reason": "blank"}) == 1


class TestStarting:
    async def test_port_in_use(self, app: App, configuration: Configuration) -> None:
        """Two services on one port would share its calls."""
        with pytest.raises(ConfigurationError, match=app.grpc_address):
            async with open_app(configuration, "memory://", app.grpc_address):
                pass

    @pytest.mark.parametrize("url", ["mysql://h/d", "nowhere", ""])
    async def test_unknown_database(self, configuration: Configuration, url: str) -> None:
        with pytest.raises(ConfigurationError, match="sqlite"):
            async with open_app(configuration, url, "127.0.0.1:0"):
                pass

    async def test_password_of_a_database_stays_inside(self, configuration: Configuration) -> None:
        with pytest.raises(ConfigurationError) as caught:
            async with open_app(configuration, "mysql://user:hush@h/d", "127.0.0.1:0"):
                pass
        assert "hush" not in str(caught.value)

    async def test_restart_keeps_everything(self, configuration: Configuration, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'idsync.db'}"
        mpids = []
        for _ in range(2):
            async with (
                open_app(configuration, url, "127.0.0.1:0") as app,
                AsyncClient.connect(app.grpc_address, SHOP) as client,
            ):
                mpids.append((await client.identify(identify())).mpid)

        assert mpids[0] == mpids[1]

    async def test_one_process_owns_a_database(self, configuration: Configuration, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'idsync.db'}"
        async with open_app(configuration, url, "127.0.0.1:0"):
            with pytest.raises(StoreError):
                async with open_app(configuration, url, "127.0.0.1:0"):
                    pass


class TestStopping:
    async def test_streams_end_at_once(self, configuration: Configuration, clock: ManualClock) -> None:
        """A watcher must not hold the service up; it is told to come again."""
        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock, grace_s=60) as app:
            client = AsyncClient.connect(app.grpc_address, SHOP)
            await client.identify(identify())
            changes = aiter(client.watch_changes(graph.WatchChangesRequest(environment=PRODUCTION)))
            await anext(changes)
            waiting = asyncio.ensure_future(anext(changes))
            started_s = asyncio.get_running_loop().time()

        with pytest.raises(UnavailableError):
            await waiting
        assert asyncio.get_running_loop().time() - started_s < 30
        await client.close()

    async def test_watchers_of_health_are_told_and_do_not_hold_it_up(
        self, configuration: Configuration, clock: ManualClock
    ) -> None:
        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock, grace_s=60) as app:
            channel = grpc.aio.insecure_channel(app.grpc_address)
            stub: Any = health_pb2_grpc.HealthStub(channel)
            watch = aiter(stub.Watch(health_pb2.HealthCheckRequest(service="idsync.v1.IdentityService")))
            before = await anext(watch)
            started_s = asyncio.get_running_loop().time()

        after = [answer.status async for answer in watch]
        assert (before.status, after) == (SERVING, [NOT_SERVING])
        assert asyncio.get_running_loop().time() - started_s < 30
        await channel.close()

    async def test_calls_under_way_are_answered(
        self, configuration: Configuration, clock: ManualClock
    ) -> None:
        """What was read before the end is answered; nothing is lost in between."""
        asked = asyncio.Event()

        async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
            for number in range(20):
                yield pb.StreamResolveRequest(call=pb.ResolveCall(identify=identify(f"d{number}")))
            asked.set()
            await asyncio.Event().wait()

        answers = []

        async def read(client: AsyncClient) -> None:
            async for answer in client.stream_resolve(requests()):
                answers.append(answer.result.identify.mpid)  # noqa: PERF401 - what came before the error counts

        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock) as app:
            client = AsyncClient.connect(app.grpc_address, SHOP)
            reading = asyncio.create_task(read(client))
            await asked.wait()
            journal = app.store

        with pytest.raises(UnavailableError):
            await reading
        kept = sum([len(await journal.entries(key, 0, 100)) for key in await journal.graphs()])
        assert len(answers) == kept
        await client.close()

    async def test_not_ready_any_more(self, configuration: Configuration, clock: ManualClock) -> None:
        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock) as app:
            before = app.is_ready

        assert (before, app.is_ready) == (True, False)
        client = AsyncClient(GrpcTransport(app.grpc_address), SHOP, retry=RetryPolicy(attempts=1))
        with pytest.raises(UnavailableError):
            await client.identify(identify())
        await client.close()

    async def test_local_calls_end_too(self, configuration: Configuration, clock: ManualClock) -> None:
        async with open_app(configuration, "memory://", "127.0.0.1:0", clock=clock) as app:
            local = AsyncClient(app.local_transport, SHOP, timeout_s=0.5)
            assert (await local.identify(identify())).mpid

        with pytest.raises(UnavailableError):
            await local.identify(identify())


async def test_due_work_is_done_by_itself(
    configuration: Configuration, clock: ManualClock, tmp_path: Path
) -> None:
    """ID-187: what became due while the service was down is done when it starts."""
    url = f"sqlite:///{tmp_path / 'idsync.db'}"
    async with (
        open_app(configuration, url, "127.0.0.1:0", clock=clock) as app,
        AsyncClient.connect(app.grpc_address, SHOP) as client,
    ):
        pair = [(await client.identify(identify(value))).mpid for value in ("a", "b")]
        await client.alias(pb.AliasRequest(source_mpid=pair[0], destination_mpid=pair[1]))
    clock.advance(86_400_000)

    async with (
        open_app(configuration, url, "127.0.0.1:0", clock=clock) as app,
        AsyncClient.connect(app.grpc_address, SHOP) as client,
    ):
        changes = aiter(client.watch_changes(graph.WatchChangesRequest(environment=PRODUCTION, after_seq=3)))
        applied = (await anext(changes)).entry

    assert [change.kind for change in applied.changes] == [graph.CHANGE_KIND_ALIAS_APPLIED]
