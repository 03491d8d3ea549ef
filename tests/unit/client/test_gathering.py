"""Calls made at the same moment travel together, and nobody can tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code

from idsync.client import AsyncClient, BasicCredentials, GatheringTransport, GrpcTransport, RetryPolicy
from idsync.client.gathering import MAX_CALL_BYTES, MAX_CALLS, MAX_UNDER_WAY
from idsync.model.errors import (
    DeadlineExceededError,
    ForbiddenError,
    IdsyncError,
    InvalidRequestError,
    UnavailableError,
)
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as identity
from tests.unit.client.peer import Peer, Refusal, Silence

UNAVAILABLE = Refusal(grpc.StatusCode.UNAVAILABLE)


@pytest.fixture
async def client(address: str, patience: RetryPolicy) -> AsyncIterator[AsyncClient]:
    transport = GatheringTransport(GrpcTransport(address))
    async with AsyncClient(transport, BasicCredentials("web", "s3cret"), retry=patience) as client:
        yield client


def _user(number: int) -> identity.IdentifyRequest:
    return identity.IdentifyRequest(previous_mpid=number)


def _batch(peer: Peer, at: int = 0) -> list[identity.ResolveCall]:
    return list(cast("identity.BatchResolveRequest", peer.seen[at].request).calls)


async def test_calls_of_one_moment_are_one_message(client: AsyncClient, peer: Peer) -> None:
    answers = await asyncio.gather(*(client.identify(_user(number)) for number in range(1, 51)))

    assert [answer.mpid for answer in answers] == list(range(1, 51))
    assert [seen.rpc for seen in peer.seen] == ["BatchResolve"]


async def test_a_call_alone_travels_as_it_is(client: AsyncClient, peer: Peer) -> None:
    for number in (1, 2):
        await client.identify(_user(number))

    assert [seen.rpc for seen in peer.seen] == ["Identify", "Identify"]


async def test_every_kind_of_call_keeps_its_place(client: AsyncClient, peer: Peer) -> None:
    answers = await asyncio.gather(
        client.identify(_user(7)),
        client.login(identity.LoginRequest(request_id="a")),
        client.logout(identity.LogoutRequest(request_id="b")),
        client.search(identity.SearchRequest(request_id="c")),
        client.modify(identity.ModifyRequest(request_id="d")),
        client.get_caller(identity.GetCallerRequest()),
    )

    assert [type(answer) for answer in answers] == [
        identity.IdentifyResponse,
        identity.LoginResponse,
        identity.LogoutResponse,
        identity.SearchResponse,
        identity.ModifyResponse,
        identity.GetCallerResponse,
    ]
    batch = next(at for at, seen in enumerate(peer.seen) if seen.rpc == "BatchResolve")
    assert [call.WhichOneof("call") for call in _batch(peer, batch)] == [
        "identify",
        "login",
        "logout",
        "search",
        "modify",
    ]
    assert {seen.rpc for seen in peer.seen} == {"BatchResolve", "GetCaller"}


async def test_callers_with_other_credentials_never_share_a_message(client: AsyncClient, peer: Peer) -> None:
    other = BasicCredentials("app", "other")
    await asyncio.gather(
        client.identify(_user(1)),
        client.identify(_user(2)),
        client.identify(_user(3), credentials=other),
        client.identify(_user(4), credentials=other),
    )

    assert sorted(len(_batch(peer, at)) for at in range(2)) == [2, 2]
    shown = {dict(seen.metadata)["authorization"] for seen in peer.seen}
    assert shown == {dict(c.metadata())["authorization"] for c in (other, BasicCredentials("web", "s3cret"))}


async def test_a_message_has_a_bound(client: AsyncClient, peer: Peer) -> None:
    await asyncio.gather(*(client.identify(_user(number)) for number in range(2 * MAX_CALLS + 1)))

    batches = [at for at, seen in enumerate(peer.seen) if seen.rpc == "BatchResolve"]
    assert [len(_batch(peer, at)) for at in batches] == [MAX_CALLS, MAX_CALLS]
    assert len(peer.seen) == len(batches) + 1


async def test_while_enough_is_under_way_calls_gather(client: AsyncClient, peer: Peer) -> None:
    """Whoever comes later waits for one of the messages to be answered, not for a timer."""
    peer.answers.extend(Silence() for _ in range(MAX_UNDER_WAY))
    stuck = []
    for number in range(MAX_UNDER_WAY):
        stuck.append(asyncio.create_task(client.identify(_user(number))))
        peer.called.clear()
        await peer.called.wait()
    later = [asyncio.create_task(client.identify(_user(number))) for number in range(5)]
    await asyncio.sleep(0)
    assert len(peer.seen) == MAX_UNDER_WAY

    stuck[0].cancel()

    assert [answer.mpid for answer in await asyncio.gather(*later)] == list(range(5))
    assert [seen.rpc for seen in peer.seen[MAX_UNDER_WAY:]] == ["BatchResolve"]
    for task in stuck:
        task.cancel()
    await asyncio.wait(stuck)


async def test_a_large_request_travels_alone(client: AsyncClient, peer: Peer) -> None:
    large = identity.IdentifyRequest(
        known_identities=[identity_pb2.Identity(value="x" * MAX_CALL_BYTES)], previous_mpid=3
    )

    await asyncio.gather(client.identify(large), client.identify(_user(1)), client.identify(_user(2)))

    assert sorted(seen.rpc for seen in peer.seen) == ["BatchResolve", "Identify"]


async def test_an_error_reaches_its_caller_only(client: AsyncClient, peer: Peer) -> None:
    """With all that a call of its own would have been told (ID-236)."""
    refused = identity.ResolveResult(
        error=identity.ResolveError(
            code=Code.INVALID_ARGUMENT,
            reason="VALIDATION_ERROR",
            message="no",
            metadata={"rule": "r"},
            fields=["environment"],
        )
    )
    found = identity.ResolveResult(identify=identity.IdentifyResponse(mpid=9))
    peer.answers.append(identity.BatchResolveResponse(results=[refused, found]))

    error, answer = await asyncio.gather(
        client.identify(_user(1)), client.identify(_user(2)), return_exceptions=True
    )

    assert isinstance(error, InvalidRequestError)
    assert (error.message, error.fields, dict(error.metadata)) == ("no", ("environment",), {"rule": "r"})
    assert isinstance(answer, identity.IdentifyResponse)
    assert answer.mpid == 9


async def test_an_error_of_the_message_reaches_everybody(client: AsyncClient, peer: Peer) -> None:
    peer.answers.append(Refusal(grpc.StatusCode.PERMISSION_DENIED, "not you"))

    errors = await asyncio.gather(
        client.identify(_user(1)), client.identify(_user(2)), return_exceptions=True
    )

    assert all(isinstance(error, ForbiddenError) for error in errors)
    assert errors[0] is not errors[1], "each caller notes its own attempts"


async def test_only_what_is_safe_is_sent_again(client: AsyncClient, peer: Peer) -> None:
    """A lost batch is no reason to log somebody out twice (ID-042)."""
    peer.answers.append(UNAVAILABLE)

    found, lost = await asyncio.gather(
        client.identify(_user(5)), client.logout(identity.LogoutRequest()), return_exceptions=True
    )

    assert isinstance(found, identity.IdentifyResponse)
    assert found.mpid == 0
    assert isinstance(lost, UnavailableError)
    assert [seen.rpc for seen in peer.seen] == ["BatchResolve", "Identify"]


async def test_each_call_has_its_own_deadline(client: AsyncClient, peer: Peer) -> None:
    peer.answers.append(Silence())
    patient = asyncio.create_task(client.identify(_user(1), timeout_s=60))

    with pytest.raises(DeadlineExceededError):
        await client.identify(_user(2), timeout_s=0.05)

    assert not patient.done()
    assert (peer.seen[0].left_s or 0) > 1, "the message waits as long as the most patient of its callers"
    patient.cancel()
    await asyncio.wait([patient])


async def test_a_message_that_nobody_waits_for_any_more_is_given_up(client: AsyncClient, peer: Peer) -> None:
    peer.answers.append(Silence())
    calls = [asyncio.create_task(client.identify(_user(number))) for number in range(3)]
    await peer.called.wait()

    for call in calls:
        call.cancel()

    await peer.given_up.wait()
    await asyncio.wait(calls)


async def test_who_gives_up_before_it_is_sent_is_left_out(client: AsyncClient, peer: Peer) -> None:
    calls = [asyncio.create_task(client.identify(_user(number))) for number in range(1, 4)]
    asyncio.get_running_loop().call_soon(calls[0].cancel)

    _, *answers = await asyncio.gather(*calls, return_exceptions=True)

    assert [cast("identity.IdentifyResponse", answer).mpid for answer in answers] == [2, 3]
    assert len(_batch(peer)) == 2


async def test_closing_tells_everybody(client: AsyncClient, peer: Peer) -> None:
    peer.answers.append(Silence())
    calls = [asyncio.create_task(client.identify(_user(number))) for number in range(3)]
    await peer.called.wait()

    await client.close()

    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, UnavailableError) for error in errors)


async def test_an_answer_of_another_length_is_nobodys(client: AsyncClient, peer: Peer) -> None:
    peer.answers.append(identity.BatchResolveResponse())

    errors = await asyncio.gather(
        client.identify(_user(1)), client.identify(_user(2)), return_exceptions=True
    )

    assert [type(error) for error in errors] == [IdsyncError, IdsyncError]


async def test_credentials_of_a_single_call_are_not_kept(address: str, peer: Peer) -> None:
    """Signed calls each bring their own, and nobody brings them again."""
    transport = GatheringTransport(GrpcTransport(address))
    async with AsyncClient(transport) as client:
        for number in range(3):
            await client.identify(_user(number), credentials=BasicCredentials(f"web-{number}", "s3cret"))
        await client.get_caller(identity.GetCallerRequest())

        assert not transport._gatherings


class _Broken(GrpcTransport):
    async def call(self, *_: object, **__: object) -> Message:
        raise ZeroDivisionError


async def test_a_broken_transport_keeps_nobody_waiting(address: str) -> None:
    async with AsyncClient(GatheringTransport(_Broken(address)), timeout_s=None) as client:
        errors = await asyncio.gather(
            client.identify(_user(1)), client.identify(_user(2)), return_exceptions=True
        )

    assert [type(error) for error in errors] == [ZeroDivisionError, ZeroDivisionError]


async def test_an_answer_to_another_call_is_nobodys(client: AsyncClient, peer: Peer) -> None:
    other = identity.ResolveResult(login=identity.LoginResponse(mpid=1))
    peer.answers.append(identity.BatchResolveResponse(results=[other, other]))

    errors = await asyncio.gather(
        client.identify(_user(1)), client.identify(_user(2)), return_exceptions=True
    )

    assert [type(error) for error in errors] == [IdsyncError, IdsyncError]


@pytest.mark.parametrize("gather", [True, False])
async def test_it_can_be_switched_off(address: str, peer: Peer, gather: bool) -> None:
    async with AsyncClient.connect(address, token="op", gather=gather) as client:
        await asyncio.gather(client.identify(_user(1)), client.identify(_user(2)))

    assert {seen.rpc for seen in peer.seen} == ({"BatchResolve"} if gather else {"Identify"})
