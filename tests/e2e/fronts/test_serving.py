"""A caller cannot tell fronts from a single process: the same answers, errors, trailers, streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from idsync.client import AsyncClient
from idsync.model.errors import ForbiddenError, InvalidRequestError, LookupFailedError, NotFoundError
from idsync.v1 import admin_service_pb2
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import FEED, OPERATOR, SHOP
from tests.e2e.fronts.processes import CALLERS, connection, figure, fronts_of
from tests.e2e.http_process import HttpProcess
from tests.e2e.identity_requests import PRODUCTION, identify, login, search

IDENTIFY = "/idsync.v1.IdentityService/Identify"
WATCH = "/idsync.v1.GraphService/WatchChanges"


class TestUnary:
    async def test_first_login(self, client: AsyncClient) -> None:
        """ID-081: anonymous first, then known, on the same profile from then on."""
        anonymous = await client.identify(identify(ios_idfv="first"))
        known = await client.login(login(customerid="first", ios_idfv="first"))
        again = await client.identify(identify(customerid="first"))

        assert not anonymous.is_logged_in
        assert known.is_logged_in
        assert again.mpid == known.mpid

    async def test_errors_keep_their_kind_and_what_they_name(self, client: AsyncClient) -> None:
        """ID-233."""
        with pytest.raises(LookupFailedError):
            await client.identify(identify())
        with pytest.raises(NotFoundError):
            await client.search(search(customerid="nobody"))
        with pytest.raises(ForbiddenError):
            await client.get_profile(graph.GetProfileRequest(mpid=1), credentials=FEED)
        request = identify(ios_idfv="d")
        request.known_identities.add(value="x")
        with pytest.raises(InvalidRequestError) as caught:
            await client.identify(request)

        assert caught.value.fields == ("known_identities[1].type",)
        assert caught.value.reason == "VALIDATION_ERROR"

    async def test_trailers(self, service: HttpProcess) -> None:
        """ID-234, ID-235: use and trace id, on answers and on failures; a gateway's own id is kept."""
        metadata = (*SHOP.metadata(), ("x-mp-trace-id", "0123456789abcdef"))
        async with connection(service.addresses.grpc) as channel:
            good = channel.unary_unary(IDENTIFY)(
                identify(ios_idfv="d").SerializeToString(), metadata=metadata
            )
            await good
            bad = channel.unary_unary(IDENTIFY)(b"", metadata=SHOP.metadata())
            with pytest.raises(grpc.aio.AioRpcError):
                await bad
            trailers = [dict([*await call.trailing_metadata()]) for call in (good, bad)]

        assert trailers[0]["x-mp-trace-id"] == "0123456789abcdef"
        assert len(trailers[1]["x-mp-trace-id"]) == 16
        assert [trailer["x-mp-rate-limit-percentage-used"] for trailer in trailers] == ["0", "0"]

    async def test_every_service(self, client: AsyncClient) -> None:
        answer = await client.list_scopes(admin_service_pb2.ListScopesRequest(), credentials=OPERATOR)

        assert {scope.name for scope in answer.scopes} == {"retail", "parted"}

    async def test_a_large_batch(self, client: AsyncClient) -> None:
        """Larger than what one read from a socket gives, in both directions."""
        calls = [pb.ResolveCall(identify=identify(ios_idfv=f"{n}" + 3_000 * "x")) for n in range(1_000)]

        results = (await client.batch_resolve(pb.BatchResolveRequest(calls=calls))).results

        assert len({result.identify.mpid for result in results}) == 1_000

    async def test_one_first_login_from_all_sides(self, service: HttpProcess) -> None:
        """ID-041: one person whom every connection introduces at once is one profile."""

        async def one(number: int) -> int:
            async with connection(service.addresses.grpc) as channel:
                call = channel.unary_unary("/idsync.v1.IdentityService/Login")
                request = login(customerid=f"race-{number % 4}", ios_idfv="of all").SerializeToString()
                answers = [await call(request, metadata=SHOP.metadata()) for _ in range(5)]
                (mpid,) = {pb.LoginResponse.FromString(answer).mpid for answer in answers}
                return mpid

        mpids = await asyncio.gather(*(one(number) for number in range(2 * CALLERS)))

        assert [len(set(mpids[person::4])) for person in range(4)] == [1] * 4
        assert len(set(mpids)) == 4


class TestStreams:
    async def test_in_order(self, client: AsyncClient) -> None:
        async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
            for number in range(3_000):
                yield pb.StreamResolveRequest(
                    call=pb.ResolveCall(identify=identify(ios_idfv=f"s{number % 1_500}"))
                )

        mpids = [answer.result.identify.mpid async for answer in client.stream_resolve(requests())]

        assert len(set(mpids[:1_500])) == 1_500
        assert mpids[1_500:] == mpids[:1_500]

    async def test_each_is_answered_before_the_next_comes(self, client: AsyncClient) -> None:
        sent: asyncio.Queue[str] = asyncio.Queue()

        async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
            while True:
                yield pb.StreamResolveRequest(
                    call=pb.ResolveCall(identify=identify(ios_idfv=await sent.get()))
                )

        answers = aiter(client.stream_resolve(requests()))
        mpids = []
        for value in ("one", "two", "one"):
            sent.put_nowait(value)
            mpids.append((await anext(answers)).result.identify.mpid)

        assert mpids[0] == mpids[2] != mpids[1]

    async def test_more_than_is_ever_on_its_way(self, client: AsyncClient) -> None:
        """Windows are used up and widened many times, in both directions, and nothing is lost."""

        async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
            for number in range(2_000):
                request = identify(ios_idfv=f"{number % 1_000}" + 4_000 * "s")
                yield pb.StreamResolveRequest(call=pb.ResolveCall(identify=request))

        mpids = [answer.result.identify.mpid async for answer in client.stream_resolve(requests())]

        assert len(set(mpids[:1_000])) == 1_000
        assert mpids[1_000:] == mpids[:1_000]

    async def test_changes_are_watched_while_they_happen(self, client: AsyncClient) -> None:
        before = (await client.login(login(customerid="watched-0"))).decision.journal_seq
        request = graph.WatchChangesRequest(environment=PRODUCTION, after_seq=before)
        changes = aiter(client.watch_changes(request))
        seen = []
        for number in range(1, 4):
            made = (await client.login(login(customerid=f"watched-{number}"))).decision.journal_seq
            seen.append((made, (await anext(changes)).entry.seq))

        assert [made for made, _ in seen] == [told for _, told in seen] == [before + n for n in (1, 2, 3)]

    async def test_who_goes_is_dropped(self, service: HttpProcess, client: AsyncClient) -> None:
        """The owner's own work ends with the caller: it counts the call as cancelled."""
        await client.login(login(customerid="seen by watchers"))
        name = (
            'grpc_server_handled_total{grpc_code="CANCELLED",grpc_method="WatchChanges",'
            'grpc_service="idsync.v1.GraphService",grpc_type="unary_stream"}'
        )
        before = figure(service, name)
        request = graph.WatchChangesRequest(environment=PRODUCTION).SerializeToString()
        async with connection(service.addresses.grpc) as channel:
            call = channel.unary_stream(WATCH)(request, metadata=SHOP.metadata())
            await anext(aiter(call))
            call.cancel()
            late = channel.unary_stream(WATCH)(request, metadata=SHOP.metadata(), timeout=0.5)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async for _ in late:
                    pass
            async with asyncio.timeout(60):
                while await asyncio.to_thread(figure, service, name) < before + 2:
                    pass

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


class TestOpenToEverybody:
    async def test_health_and_reflection(self, service: HttpProcess) -> None:
        async with connection(service.addresses.grpc) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            health = await stub.Check(health_pb2.HealthCheckRequest(service="idsync.v1.IdentityService"))
            names: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
            listed = names.ServerReflectionInfo(
                iter([reflection_pb2.ServerReflectionRequest(list_services="")])
            )
            services = (await anext(aiter(listed))).list_services_response.service

        assert health.status == health_pb2.HealthCheckResponse.SERVING
        assert "idsync.v1.GraphService" in {service.name for service in services}

    def test_there_are_two(self, service: HttpProcess) -> None:
        assert len(fronts_of(service)) == 2
        assert figure(service, "idsync_fronts") == 2


class TestHttp:
    def test_answers_and_errors(self, service: HttpProcess) -> None:
        """ID-233, ID-234, ID-235: as from a single process."""
        line = service.line()
        key = {"x-mp-key": "shop-web"}
        body = {"environment": "production", "known_identities": {"customerid": "over http"}}
        good = line.post("/v1/login", json.dumps(body).encode(), key)
        again = line.post("/v1/identify", json.dumps(body).encode(), key)
        bad = line.post("/v1/identify", b"{", key)
        nobody = line.post("/v1/identify", json.dumps(body).encode(), {"x-mp-key": "nobody"})

        assert good.json["mpid"] == again.json["mpid"]
        assert [answer.status for answer in (good, again, bad, nobody)] == [200, 200, 400, 401]
        assert good.headers["x-mp-rate-limit-percentage-used"] == "0"
        assert len({answer.headers["x-mp-trace-id"] for answer in (good, again, bad, nobody)}) == 4
        assert line.get("/readyz").status == 200

    def test_metrics_are_those_of_the_whole_service(self, service: HttpProcess) -> None:
        """Whichever front is asked adds up what all have counted."""
        name = 'idsync_http_requests_total{route="/healthz",status="200"}'
        before = figure(service, name)
        for _ in range(CALLERS):
            assert service.line().get("/healthz").status == 200

        shown = {figure(service, name) for _ in range(CALLERS)}

        assert shown == {before + CALLERS}
        assert all(
            figure(service, f'idsync_process_cpu_seconds_total{{process="{process}"}}') > 0
            for process in ("owner", "front-1", "front-2")
        )
