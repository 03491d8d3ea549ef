"""The client against a peer on the wire: every rpc, credentials, deadlines, streams, closing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import grpc
import pytest

from idsync.client import (
    RPCS,
    AsyncClient,
    GrpcTransport,
    KeyCredentials,
    RetryPolicy,
    Rpc,
    SignedCredentials,
)
from idsync.model.errors import (
    ConfigurationError,
    DeadlineExceededError,
    ForbiddenError,
    UnauthenticatedError,
    UnavailableError,
)
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as identity
from tests.unit.client.conftest import Clock
from tests.unit.client.peer import Peer, Refusal, Silence

UNARY = [rpc for rpc in RPCS if not (rpc.client_streaming or rpc.server_streaming)]


def method_name(rpc: Rpc) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", rpc.name).lower()


@pytest.mark.parametrize("rpc", UNARY, ids=lambda rpc: rpc.name)
async def test_each_method_makes_its_own_call(rpc: Rpc, client: AsyncClient, peer: Peer) -> None:
    """One typed method for each rpc: request message in, response message out."""
    request = rpc.request_type()

    response = await getattr(client, method_name(rpc))(request)

    assert type(response) is rpc.response_type
    assert [(seen.rpc, seen.request) for seen in peer.seen] == [(rpc.name, request)]


def test_each_rpc_has_its_method() -> None:
    """A new rpc of the contract is a new method of the client."""
    missing = [rpc.name for rpc in RPCS if not hasattr(AsyncClient, method_name(rpc))]

    assert missing == []


async def test_a_request_of_another_rpc_is_refused_before_it_is_sent(client: AsyncClient, peer: Peer) -> None:
    """A login sent as an identify would look like one on the wire, and be answered."""
    with pytest.raises(TypeError, match="Identify takes a IdentifyRequest, not a LoginRequest"):
        await client.identify(identity.LoginRequest())  # type: ignore[arg-type]

    assert peer.seen == []


async def test_the_client_shows_its_credentials(client: AsyncClient, peer: Peer) -> None:
    """ID-223: Basic, key and secret."""
    await client.get_caller(identity.GetCallerRequest())

    assert ("authorization", "Basic d2ViOnMzY3JldA==") in peer.seen[0].metadata


async def test_credentials_of_a_call_replace_those_of_the_client(client: AsyncClient, peer: Peer) -> None:
    """ID-226: the gateway calls for many inputs over one client."""
    await client.get_caller(identity.GetCallerRequest(), credentials=KeyCredentials("shop"))

    assert [value for key, value in peer.seen[0].metadata if key == "authorization"] == ["Key shop"]


async def test_a_signed_request_brings_its_texts_along(client: AsyncClient, peer: Peer) -> None:
    """ID-224: both texts, as bytes, also where they are as large as a request may be."""
    texts = (b"POST\n\x00\xff" + b"x" * 250_000, b"POST\n")

    await client.search(
        identity.SearchRequest(), credentials=SignedCredentials("web", "today", "ab12", texts)
    )

    metadata = peer.seen[0].metadata
    assert tuple(value for key, value in metadata if key == "idsync-signed-text-bin") == texts
    assert {("authorization", "Signature web"), ("idsync-date", "today"), ("idsync-signature", "ab12")} <= {
        *metadata
    }


async def test_credentials_of_a_stream_replace_those_of_the_client(client: AsyncClient, peer: Peer) -> None:
    """Streams show credentials as other calls do."""
    async for _ in client.watch_changes(graph.WatchChangesRequest(), credentials=KeyCredentials("shop")):
        pass

    assert [value for key, value in peer.seen[0].metadata if key == "authorization"] == ["Key shop"]


async def test_a_call_has_the_deadline_of_its_client(client: AsyncClient, peer: Peer) -> None:
    """The service learns how long the caller waits: a minute unless it says otherwise."""
    await client.identify(identity.IdentifyRequest())
    await client.identify(identity.IdentifyRequest(), timeout_s=600)

    usual, longer = (seen.left_s for seen in peer.seen)
    assert usual is not None
    assert longer is not None
    assert 50 < usual < 65
    assert 550 < longer < 605


async def test_a_client_without_a_deadline_waits_for_any_time(address: str, peer: Peer) -> None:
    """`timeout_s=None` of the client."""
    async with AsyncClient(GrpcTransport(address), timeout_s=None) as client:
        await client.identify(identity.IdentifyRequest())

    assert peer.seen[0].left_s is None
    assert [key for key, _ in peer.seen[0].metadata] == ["user-agent"]


async def test_a_deadline_that_passes_is_an_error_of_ours(client: AsyncClient, peer: Peer) -> None:
    """Nobody knows then whether anything was changed, so it is not tried again."""
    peer.answers.append(Silence())

    with pytest.raises(DeadlineExceededError) as caught:
        await client.identify(identity.IdentifyRequest(), timeout_s=0.05)

    assert caught.value.reason == "DEADLINE_EXCEEDED"
    assert caught.value.attempts == 1


async def test_a_cancelled_caller_ends_the_call(client: AsyncClient, peer: Peer) -> None:
    """Cancellation is not an error of ours: it passes through, and the service hears of it."""
    peer.answers.append(Silence())
    task = asyncio.create_task(client.identify(identity.IdentifyRequest()))
    await peer.called.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.wait_for(peer.given_up.wait(), 60)


async def test_closing_ends_the_calls_under_way(client: AsyncClient, peer: Peer) -> None:
    """Nobody cancelled the caller, so it gets an error; trying again would not help."""
    peer.answers.append(Silence())
    task = asyncio.create_task(client.identify(identity.IdentifyRequest()))
    await peer.called.wait()

    await client.close()

    with pytest.raises(UnavailableError, match="closed") as caught:
        await task
    assert (caught.value.attempts, caught.value.retry_delay_s) == (1, 0.0)


async def test_a_cancelled_caller_stays_cancelled_when_the_client_closes(
    client: AsyncClient, peer: Peer
) -> None:
    """A task that was told to stop must not go on with an error instead."""
    peer.answers.append(Silence())
    task = asyncio.create_task(client.identify(identity.IdentifyRequest()))
    await peer.called.wait()

    task.cancel()
    await client.close()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_closed_client_refuses_further_calls(client: AsyncClient) -> None:
    """With the same error, for unary calls and streams."""
    await client.close()

    with pytest.raises(UnavailableError, match="closed"):
        await client.identify(identity.IdentifyRequest())
    with pytest.raises(UnavailableError, match="closed"):
        await anext(client.watch_changes(graph.WatchChangesRequest()))


async def test_closing_ends_a_stream(client: AsyncClient, peer: Peer) -> None:
    """A reader that waits for the next entry is told that none will come."""
    peer.answers.append(Silence())
    changes = client.watch_changes(graph.WatchChangesRequest())
    for _ in range(3):
        await anext(changes)
    task = asyncio.ensure_future(anext(changes))
    await peer.called.wait()

    await client.close()

    with pytest.raises(UnavailableError, match="closed"):
        await task


async def test_a_watch_gives_entries_as_they_come(client: AsyncClient) -> None:
    """WatchChanges from a cursor, until the service ends it."""
    changes = client.watch_changes(graph.WatchChangesRequest(after_seq=7))

    assert [change.entry.seq async for change in changes] == [8, 9, 10]


async def test_an_error_in_a_stream_is_one_of_ours(client: AsyncClient, peer: Peer) -> None:
    """What came before it is not lost."""
    peer.answers.append(Refusal(grpc.StatusCode.PERMISSION_DENIED))
    changes = client.watch_changes(graph.WatchChangesRequest())

    seqs = [(await anext(changes)).entry.seq for _ in range(3)]

    assert seqs == [1, 2, 3]
    with pytest.raises(ForbiddenError):
        await anext(changes)


async def test_a_reader_that_leaves_ends_the_stream(client: AsyncClient, peer: Peer) -> None:
    """`aclose` of the iterator; the service must not go on for nobody."""
    peer.answers.append(Silence())
    changes = client.watch_changes(graph.WatchChangesRequest())
    for _ in range(3):
        await anext(changes)
    await peer.called.wait()

    await changes.aclose()  # type: ignore[attr-defined]

    assert await asyncio.wait_for(peer.given_up.wait(), 60)


async def calls(*mpids: int) -> AsyncIterator[identity.StreamResolveRequest]:
    for mpid in mpids:
        call = identity.ResolveCall(identify=identity.IdentifyRequest(previous_mpid=mpid))
        yield identity.StreamResolveRequest(call=call)


async def test_a_stream_of_calls_is_answered_in_order(client: AsyncClient) -> None:
    """StreamResolve: calls in, answers out."""
    answers = client.stream_resolve(calls(3, 1, 2))

    assert [answer.result.identify.mpid async for answer in answers] == [3, 1, 2]


async def test_an_error_of_the_requests_reaches_the_reader_of_the_answers(client: AsyncClient) -> None:
    """It is the caller's own error, and comes out as it went in, after the answers to what was sent."""

    async def failing() -> AsyncIterator[identity.StreamResolveRequest]:
        async for call in calls(1):
            yield call
        raise ValueError("line 2 is no call")

    answers = client.stream_resolve(failing())

    assert (await anext(answers)).result.identify.mpid == 1
    with pytest.raises(ValueError, match="line 2 is no call"):
        await anext(answers)


async def test_connect_says_who_calls(address: str, peer: Peer) -> None:
    """Key and secret, key alone, an operator's token, or ready credentials."""
    for client in (
        AsyncClient.connect(address, key="web", secret="s3cret"),
        AsyncClient.connect(address, key="web"),
        AsyncClient.connect(address, token="op"),
        AsyncClient.connect(address, KeyCredentials("shop")),
    ):
        async with client:
            await client.get_caller(identity.GetCallerRequest())

    shown = [dict(seen.metadata)["authorization"] for seen in peer.seen]
    assert shown == ["Basic d2ViOnMzY3JldA==", "Key web", "Bearer op", "Key shop"]


async def test_connect_refuses_credentials_that_contradict_each_other(address: str) -> None:
    """Nothing is guessed where two answers are given, or half of one."""
    with pytest.raises(ConfigurationError, match="only one"):
        AsyncClient.connect(address, key="web", token="op")
    with pytest.raises(ConfigurationError, match="only one"):
        AsyncClient.connect(address, KeyCredentials("web"), key="web")
    with pytest.raises(ConfigurationError, match="without its key"):
        AsyncClient.connect(address, secret="s3cret")
    with pytest.raises(UnauthenticatedError):
        AsyncClient.connect(address, token="töken")


async def test_nobody_there_is_unavailable(nobody: str, patience: RetryPolicy, clock: Clock) -> None:
    """A refused connection is an error of ours, after as long as the policy allows."""
    async with AsyncClient(GrpcTransport(nobody), retry=patience) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.identify(identity.IdentifyRequest())

    assert caught.value.attempts == 1 + len(clock.waits_s)
    assert 57 < sum(clock.waits_s) < 60
