"""Who calls and how often is settled by the wrapper before a method hears of the call (ID-040)."""

from __future__ import annotations

import pytest

from idsync.config.configuration import Limits
from idsync.model.errors import (
    RateLimitedError,
    UnauthenticatedError,
)
from idsync.server.admission.limits import gate_of
from idsync.server.call import Call
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.server.service import METADATA, WEB, methods
from tests.unit.server.wrapped_calls import ANSWER, REQUEST, one


class TestAdmission:
    async def test_caller_is_known_to_the_method(self) -> None:
        wrapped, behaviour = methods(ANSWER)

        answer = await wrapped["Identify"].answer(REQUEST, Call(METADATA))

        assert answer is ANSWER
        ((request, call),) = behaviour.seen
        assert request is REQUEST
        assert call.caller == WEB

    async def test_nobody_gets_further(self) -> None:
        """Authentication comes before everything else (ID-040), garbage included (ID-233)."""
        wrapped, behaviour = methods(ANSWER)

        with pytest.raises(UnauthenticatedError):
            await wrapped["Identify"].answer(REQUEST, Call(()))
        for request in (b"\xff garbage", b"x" * 1_000_000):
            with pytest.raises(UnauthenticatedError):
                await wrapped["Identify"].answer_bytes(request, Call(()))
        assert behaviour.seen == []

    async def test_nobody_opens_a_stream(self) -> None:
        wrapped, behaviour = methods(ANSWER)

        with pytest.raises(UnauthenticatedError):
            await anext(wrapped["StreamResolve"].answers(one(pb.StreamResolveRequest()), Call(())))
        assert behaviour.seen == []

    async def test_limits_come_before_parsing(self) -> None:
        """ID-040."""
        gate = gate_of(Limits(requests_per_second_per_key=1), lambda: 5.0)
        wrapped, _ = methods(ANSWER, gate=gate)
        first = Call(METADATA)
        await wrapped["Identify"].answer(REQUEST, first)

        with pytest.raises(RateLimitedError):
            await wrapped["Identify"].answer_bytes(b"\xff garbage", Call(METADATA))
        assert ("x-mp-rate-limit-percentage-used", "100") in first.trailing()

    async def test_batches_count_their_calls_themselves(self) -> None:
        gate = gate_of(Limits(requests_per_second_per_key=1), lambda: 5.0)
        wrapped, behaviour = methods(pb.BatchResolveResponse(), gate=gate)

        for _ in range(3):
            await wrapped["BatchResolve"].answer(pb.BatchResolveRequest(), Call(METADATA))

        assert len(behaviour.seen) == 3

    async def test_no_limit_no_percentage(self) -> None:
        wrapped, _ = methods(ANSWER)
        call = Call(METADATA)
        await wrapped["Identify"].answer(REQUEST, call)

        assert [name for name, _ in call.trailing()] == ["x-mp-trace-id"]
