"""Calls over the socket between a front and the owner, both ends in this process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from idsync.model.errors import IdsyncError, NotFoundError, UnavailableError
from idsync.server.call import Call
from idsync.server.fronts.answering import Answering, by_number
from idsync.server.fronts.relay import Relay
from idsync.server.fronts.relayed import RelayedBytes, RelayedMessages, relayed_bytes, relayed_messages
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.server.service import METADATA, Behaviour, methods
from tests.unit.server.wrapped_calls import ANSWER, REQUEST, handled

TRACE = ("x-mp-trace-id", "00112233445566778899aabbccddeeff")
DEADLINE_S = 30


@dataclass
class Ends:
    """A front and its owner."""

    relay: Relay
    owner: Answering
    registry: CollectorRegistry

    @property
    def messages(self) -> dict[str, RelayedMessages]:
        """The rpcs, as the gateway sees them."""
        return {rpc.path.rpartition("/")[2]: rpc for rpc in relayed_messages(self.relay)}

    @property
    def wire(self) -> dict[str, RelayedBytes]:
        """The rpcs, as gRPC sees them."""
        return {rpc.path.rpartition("/")[2]: rpc for rpc in relayed_bytes(self.relay)}


@asynccontextmanager
async def ends(result: Any) -> AsyncIterator[tuple[Ends, Behaviour]]:
    """Connect both ends; the methods behave as told."""
    registry = CollectorRegistry()
    wrapped, behaviour = methods(result, registry=registry)
    mine, its = socket.socketpair()
    loop = asyncio.get_running_loop()
    lost = asyncio.Event(), asyncio.Event()
    _, owner = await loop.create_unix_connection(
        lambda: Answering(by_number([*wrapped.values()]), {}, lost[0].set), sock=mine
    )
    _, relay = await loop.create_unix_connection(lambda: Relay(lambda: b"", lost[1].set), sock=its)
    async with asyncio.timeout(DEADLINE_S):
        yield Ends(relay, owner, registry), behaviour
        relay.close()
        for end in lost:
            await end.wait()


async def test_the_call_arrives_as_it_was_made() -> None:
    """Request, credentials and trace id (ID-235); the answer comes back the same way."""
    async with ends(ANSWER) as (both, behaviour):
        call = Call((*METADATA, TRACE, ("user-agent", "x")))
        answer = await both.wire["Identify"].answer_bytes(REQUEST.SerializeToString(), call)

    [(request, arrived)] = behaviour.seen
    assert pb.IdentifyResponse.FromString(answer) == ANSWER
    assert request == REQUEST
    assert arrived.trace_id == call.trace_id == TRACE[1]
    assert arrived.caller.key == "web"
    assert call.used_percent is None


async def test_a_failure_is_raised_where_the_call_was_made() -> None:
    error = NotFoundError("nobody", rule="link/none")
    async with ends(error) as (both, _):
        with pytest.raises(NotFoundError) as caught:
            await both.messages["Search"].answer(pb.SearchRequest(), Call(METADATA))

    assert vars(caught.value) == vars(error)


async def test_what_nobody_planned_stays_inside() -> None:
    """ID-236."""
    async with ends(RuntimeError("secret")) as (both, _):
        with pytest.raises(IdsyncError) as caught:
            await both.messages["Search"].answer(pb.SearchRequest(), Call(METADATA))

    assert caught.value.message == "internal error"


async def test_a_call_that_need_not_wait_has_no_task() -> None:
    """A task costs more than the rest of what the owner does for a repeated call."""
    tasks: dict[str, bool] = {}

    async with ends(None) as (both, behaviour):

        async def note() -> Any:
            tasks[type(behaviour.seen[-1][0]).__name__] = asyncio.current_task() is not None
            return pb.IdentifyResponse()

        behaviour.result = note
        await both.messages["Identify"].answer(REQUEST, Call(METADATA))
        await both.messages["BatchResolve"].answer(pb.BatchResolveRequest(), Call(METADATA))

    assert tasks == {"IdentifyRequest": False, "BatchResolveRequest": True}


@pytest.mark.parametrize("name", ["Identify", "GetCaller"])
async def test_a_call_that_waits_keeps_nobody_waiting(name: str) -> None:
    """It goes on in a task of its own where it stopped, however often it waits, and others overtake it."""
    gate = asyncio.Event()
    asked = asyncio.Event()

    async def wait() -> Any:
        if not asked.is_set():
            asked.set()
            await gate.wait()
            for _ in range(3):
                await asyncio.sleep(0)
        return ANSWER

    async with ends(wait) as (both, _):
        slow = asyncio.create_task(both.wire[name].answer_bytes(b"", Call(METADATA)))
        await asked.wait()
        assert pb.IdentifyResponse.FromString(await both.wire["Login"].answer_bytes(b"", Call(METADATA)))
        assert not slow.done()
        gate.set()

        assert pb.IdentifyResponse.FromString(await slow) == ANSWER


@pytest.mark.parametrize("name", ["Identify", "GetCaller", "StreamResolve"])
@pytest.mark.parametrize("how", ["caller", "front"])
async def test_whoever_has_gone_is_dropped(name: str, how: str) -> None:
    """The owner's work is cancelled, may clean up in peace, and is counted so."""
    asked, cleaned = asyncio.Event(), asyncio.Event()

    async def wait() -> Any:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    async def one() -> AsyncGenerator[bytes, None]:
        yield b""

    async with ends(wait) as (both, _):

        async def ask() -> None:
            rpc = both.wire[name]
            if name == "StreamResolve":
                async for _ in rpc.answers(one(), Call(METADATA)):
                    pass
            else:
                await rpc.answer_bytes(b"", Call(METADATA))

        asking = asyncio.create_task(ask())
        await asked.wait()
        if how == "caller":
            asking.cancel()
        else:
            both.relay.close()
        await cleaned.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    if name != "StreamResolve":
        assert handled(both.registry, name, "CANCELLED") == 1


@pytest.mark.parametrize("waits", [False, True])
async def test_a_call_that_the_owner_itself_gives_up_is_answered(*, waits: bool) -> None:
    """Nobody waits for ever for a call that was cancelled where it was answered."""

    async def give_up() -> Any:
        if waits:
            await asyncio.sleep(0)
        raise asyncio.CancelledError

    async with ends(give_up) as (both, _):
        for name in ("Identify", "GetCaller"):
            with pytest.raises(IdsyncError, match="internal error"):
                await both.wire[name].answer_bytes(b"", Call(METADATA))


class TestStreams:
    async def test_the_error_of_the_requests_comes_after_the_answers(self) -> None:
        """It is the caller's own, so it is raised to him as it is."""

        async def requests() -> AsyncGenerator[pb.StreamResolveRequest, None]:
            yield pb.StreamResolveRequest()
            raise LookupError("the caller's own")

        answers: list[Any] = []
        async with ends(pb.StreamResolveResponse()) as (both, _):
            with pytest.raises(LookupError, match="own"):
                await _read(both.messages["StreamResolve"].answers(requests(), Call(METADATA)), answers)

        assert answers == [pb.StreamResolveResponse()]

    async def test_the_error_of_the_service_comes_after_the_answers(self) -> None:
        async def requests() -> AsyncGenerator[bytes, None]:
            yield b""
            yield b"\xff"

        answers: list[Any] = []
        async with ends(pb.StreamResolveResponse()) as (both, _):
            with pytest.raises(IdsyncError, match="the request is no"):
                await _read(both.wire["StreamResolve"].answers(requests(), Call(METADATA)), answers)

        assert [answer.SerializeToString() for answer in answers] == [b""]

    async def test_one_request_many_answers(self) -> None:
        async def requests() -> AsyncGenerator[bytes, None]:
            yield b""

        async with ends(pb.StreamResolveResponse()) as (both, _):
            answers = [a async for a in both.wire["WatchChanges"].answers(requests(), Call(METADATA))]

        assert len(answers) == 1


class TestBounds:
    async def test_an_owner_that_does_not_read(self) -> None:
        """What waits for it in a front has a bound; beyond it there is an honest refusal."""
        async with ends(ANSWER) as (both, _):
            both.relay.pause_writing()
            with pytest.raises(UnavailableError) as caught:
                await both.wire["Identify"].answer_bytes(b"", Call(METADATA))
            with pytest.raises(UnavailableError):
                await anext(both.wire["WatchChanges"].answers(_none(), Call(METADATA)))
            both.relay.resume_writing()

            assert await both.wire["Identify"].answer_bytes(b"", Call(METADATA))

        assert caught.value.retry_delay_s > 0

    async def test_a_front_that_does_not_read(self) -> None:
        """Nothing more is taken from it until it does."""
        async with ends(ANSWER) as (both, behaviour):
            both.owner.pause_writing()
            asking = asyncio.create_task(both.wire["Identify"].answer_bytes(b"", Call(METADATA)))
            await asyncio.wait([asking], timeout=0.05)
            seen = len(behaviour.seen)
            both.owner.resume_writing()

            assert await asking
            assert (seen, len(behaviour.seen)) == (0, 1)


async def _read(answers: AsyncGenerator[Any, None], into: list[Any]) -> None:
    """Keep what comes before the end."""
    async for answer in answers:
        into.append(answer)  # noqa: PERF401 - also where the end is an error


async def _none() -> AsyncGenerator[bytes, None]:
    for _ in range(0):
        yield b""
