"""The transport within the process keeps the promises of `idsync.client.Transport`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from idsync.client import RPCS, AsyncClient, BasicCredentials, Rpc, Transport
from idsync.model.errors import (
    DeadlineExceededError,
    IdsyncError,
    LookupFailedError,
    UnauthenticatedError,
    UnavailableError,
)
from idsync.server.transport.local import LocalTransport
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.server.service import METADATA, Behaviour, methods

ANSWER = pb.IdentifyResponse(mpid=5)
REQUEST = pb.IdentifyRequest()
IDENTIFY, STREAM, WATCH = (
    next(rpc for rpc in RPCS if rpc.name == name) for name in ("Identify", "StreamResolve", "WatchChanges")
)


def local(result: Any) -> tuple[LocalTransport, Behaviour]:
    wrapped, behaviour = methods(result)
    return LocalTransport(wrapped.values()), behaviour


async def forever() -> None:
    await asyncio.Event().wait()


async def endless() -> AsyncGenerator[pb.StreamResolveRequest, None]:
    yield pb.StreamResolveRequest()
    await forever()


def test_it_is_a_transport() -> None:
    """The client takes it as one; the type checker holds its shape."""
    transport, _ = local(ANSWER)
    shape: Transport = transport

    assert AsyncClient(shape)


async def test_call() -> None:
    transport, behaviour = local(ANSWER)

    assert await transport.call(IDENTIFY, REQUEST, METADATA, None) is ANSWER
    assert behaviour.seen[0][0] is REQUEST


async def test_what_comes_beside_the_answer() -> None:
    """ID-235: the trace id that the caller may bring."""
    transport, _ = local(ANSWER)
    trailing: list[tuple[str, str | bytes]] = []
    traced = (*METADATA, ("x-mp-trace-id", "0123456789abcdef"))
    await transport.call(IDENTIFY, REQUEST, traced, None, trailing)

    assert trailing == [("x-mp-trace-id", "0123456789abcdef")]


async def test_client_on_it() -> None:
    transport, _ = local(ANSWER)

    assert await AsyncClient(transport, BasicCredentials("web", "s")).identify(REQUEST) == ANSWER


async def test_credentials_are_asked_for() -> None:
    """Being in the same process opens no door."""
    transport, _ = local(ANSWER)

    with pytest.raises(UnauthenticatedError):
        await transport.call(IDENTIFY, REQUEST, (), None)


async def test_errors_come_as_they_are() -> None:
    transport, _ = local(LookupFailedError("m"))

    with pytest.raises(LookupFailedError):
        await transport.call(IDENTIFY, REQUEST, METADATA, 5)


async def test_time_is_up() -> None:
    transport, _ = local(forever)

    with pytest.raises(DeadlineExceededError):
        await transport.call(IDENTIFY, REQUEST, METADATA, 0.001)


async def test_cancellation_passes() -> None:
    transport, behaviour = local(forever)
    task = asyncio.create_task(transport.call(IDENTIFY, REQUEST, METADATA, 60))
    await behaviour.called.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_streams() -> None:
    transport, _ = local(pb.StreamResolveResponse())

    async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
        for _ in range(3):
            yield pb.StreamResolveRequest()

    assert len([a async for a in transport.stream(STREAM, requests(), METADATA)]) == 3


async def test_one_request_many_answers() -> None:
    transport, behaviour = local(graph.WatchChangesResponse())

    async def request() -> AsyncGenerator[graph.WatchChangesRequest, None]:
        yield graph.WatchChangesRequest(after_seq=4)

    assert len([a async for a in transport.stream(WATCH, request(), METADATA)]) == 1
    assert behaviour.seen[0][0].after_seq == 4


@pytest.mark.parametrize("rpc", [STREAM, WATCH])
async def test_streams_ask_for_credentials(rpc: Rpc) -> None:
    transport, _ = local(pb.StreamResolveResponse())

    with pytest.raises(UnauthenticatedError):
        await anext(transport.stream(rpc, endless(), ()))


async def test_error_of_the_requests_is_the_callers() -> None:
    """It must not come back as an error of the service."""
    transport, _ = local(pb.StreamResolveResponse())

    async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
        yield pb.StreamResolveRequest()
        raise ZeroDivisionError

    answers = transport.stream(STREAM, requests(), METADATA)
    await anext(answers)

    with pytest.raises(ZeroDivisionError):
        await anext(answers)


async def test_closing_the_reader_ends_the_stream() -> None:
    registry = CollectorRegistry()
    wrapped, _ = methods(pb.StreamResolveResponse(), registry=registry)
    answers = LocalTransport(wrapped.values()).stream(STREAM, endless(), METADATA)
    await anext(answers)
    await answers.aclose()

    ended = {
        "grpc_type": "stream_stream",
        "grpc_service": "idsync.v1.IdentityService",
        "grpc_method": "StreamResolve",
        "grpc_code": "CANCELLED",
    }
    assert registry.get_sample_value("grpc_server_handled_total", ended) == 1


class TestClose:
    async def test_further_calls_are_refused(self) -> None:
        transport, _ = local(ANSWER)
        await transport.close()

        with pytest.raises(UnavailableError) as caught:
            await transport.call(IDENTIFY, REQUEST, METADATA, None)
        with pytest.raises(UnavailableError):
            await anext(transport.stream(STREAM, endless(), METADATA))
        assert caught.value.retry_delay_s == 0

    async def test_calls_under_way_fail(self) -> None:
        transport, behaviour = local(forever)
        task = asyncio.create_task(transport.call(IDENTIFY, REQUEST, METADATA, 60))
        await behaviour.called.wait()
        await transport.close()

        with pytest.raises(UnavailableError):
            await task

    async def test_a_call_whose_time_has_just_run_out_is_no_obstacle(self) -> None:
        """Its timeout can be moved no more."""
        transport, behaviour = local(forever)
        task = asyncio.create_task(transport.call(IDENTIFY, REQUEST, METADATA, 60))
        await behaviour.called.wait()
        (limit,) = transport._under_way
        limit.reschedule(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
        assert limit.expired()
        assert not task.done()

        await transport.close()

        with pytest.raises(UnavailableError):
            await task

    async def test_streams_under_way_fail(self) -> None:
        transport, _ = local(pb.StreamResolveResponse())
        answers = transport.stream(STREAM, endless(), METADATA)
        await anext(answers)
        task = asyncio.ensure_future(anext(answers))
        # The reader waits for an answer that does not come before the transport closes.
        await asyncio.sleep(0)
        await transport.close()

        with pytest.raises(IdsyncError):
            await task
