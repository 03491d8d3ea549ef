"""Callers who have gone: what waited for the service when they went is neither decided nor written."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from idsync.client import AsyncClient, identities
from idsync.client.credentials import BasicCredentials
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from tests.crash.load import DEADLINE_S, sign_up
from tests.crash.served import served

CREDENTIALS: Final = BasicCredentials("shop", "shop-secret").metadata()
CALLS: Final = 100
SHORT_S: Final = 0.3

Gone = Callable[[grpc.aio.Channel, str], Awaitable[None]]


def login(name: str) -> pb.LoginRequest:
    return pb.LoginRequest(
        environment=ENVIRONMENT_PRODUCTION, known_identities=identities({"customerid": name})
    )


async def one_call_too_late(channel: grpc.aio.Channel, name: str) -> None:
    """Let the time of a call run out."""
    call: Any = channel.unary_unary(
        "/idsync.v1.IdentityService/Login", request_serializer=pb.LoginRequest.SerializeToString
    )
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await call(login(name), metadata=CREDENTIALS, timeout=SHORT_S)
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def one_call_cancelled(channel: grpc.aio.Channel, name: str) -> None:
    """Call, and take it back once it is on its way."""
    make: Any = channel.unary_unary(
        "/idsync.v1.IdentityService/Login", request_serializer=pb.LoginRequest.SerializeToString
    )
    call = make(login(name), metadata=CREDENTIALS)
    await asyncio.wait([asyncio.ensure_future(call.wait_for_connection())], timeout=SHORT_S)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def a_batch_too_late(channel: grpc.aio.Channel, name: str) -> None:
    """Let the time of a batch run out."""
    call: Any = channel.unary_unary(
        "/idsync.v1.IdentityService/BatchResolve", request_serializer=pb.BatchResolveRequest.SerializeToString
    )
    calls = [pb.ResolveCall(login=login(f"{name}-{n}")) for n in range(3)]
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await call(pb.BatchResolveRequest(calls=calls), metadata=CREDENTIALS, timeout=SHORT_S)
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def a_stream_too_late(channel: grpc.aio.Channel, name: str) -> None:
    """Let the time of a stream run out."""
    make: Any = channel.stream_stream(
        "/idsync.v1.IdentityService/StreamResolve",
        request_serializer=pb.StreamResolveRequest.SerializeToString,
    )

    async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
        yield pb.StreamResolveRequest(call=pb.ResolveCall(login=login(name)))

    with pytest.raises(grpc.aio.AioRpcError) as ended:
        async for _ in make(requests(), metadata=CREDENTIALS, timeout=SHORT_S):
            pass
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("gone", "most"),
    [
        # what is taken back is a message too, and may be read when a call of one message is decided already
        (one_call_too_late, CALLS // 4),
        (a_batch_too_late, CALLS // 4),
        (a_stream_too_late, CALLS // 4),
        (one_call_cancelled, CALLS // 4),
    ],
)
async def test_what_waited_when_its_caller_went_is_not_done(tmp_path: Path, gone: Gone, most: int) -> None:
    """The service is held up; what arrives meanwhile is taken back before it goes on."""
    async with (
        served(tmp_path) as service,
        grpc.aio.insecure_channel(service.grpc) as channel,
        service.client() as client,
    ):
        await sign_up(client, "before")
        await sign_up_on(channel)
        seq = await newest(client)
        service.process.send_signal(signal.SIGSTOP)
        await asyncio.gather(*(gone(channel, f"person-{n}") for n in range(CALLS)))
        service.process.send_signal(signal.SIGCONT)
        await sign_up_on(channel)
        entries = await newest(client) - seq
        assert await service.stop() == 0

    assert entries <= most


async def sign_up_on(channel: grpc.aio.Channel) -> None:
    """Let a call of the same connection, behind all others, come to its end."""
    call: Any = channel.unary_unary(
        "/idsync.v1.IdentityService/Login", request_serializer=pb.LoginRequest.SerializeToString
    )
    await call(login("before"), metadata=CREDENTIALS, timeout=DEADLINE_S)


async def newest(client: AsyncClient) -> int:
    """Give the position of the newest entry."""
    request = graph.ListJournalRequest(scope="shop", environment=ENVIRONMENT_PRODUCTION, page_size=1_000)
    answer = await client.list_journal(request, timeout_s=DEADLINE_S)
    return max(entry.seq for entry in answer.entries)
