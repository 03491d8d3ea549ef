"""The wrapper reads requests, and refuses what is none or too large."""

from __future__ import annotations

import pytest

from idsync.model.errors import (
    InvalidRequestError,
)
from idsync.server.call import Call
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.server.service import METADATA, methods
from tests.unit.server.wrapped_calls import ANSWER, REQUEST, one


class TestParsing:
    async def test_bytes_are_parsed(self) -> None:
        wrapped, behaviour = methods(ANSWER)

        await wrapped["Identify"].answer_bytes(REQUEST.SerializeToString(), Call(METADATA))

        assert behaviour.seen[0][0] == REQUEST

    @pytest.mark.parametrize(
        "garbage", [b"\xff\xff", b"\x0a", b"\x22\x02\xff\xfe"], ids=["tag", "cut", "utf8"]
    )
    async def test_garbage(self, garbage: bytes) -> None:
        """Bad request, as on HTTP (ID-233): no message, cut off, not UTF-8."""
        wrapped, behaviour = methods(ANSWER)

        with pytest.raises(InvalidRequestError) as caught:
            await wrapped["Identify"].answer_bytes(garbage, Call(METADATA))

        assert caught.value.reason == "BAD_REQUEST"
        assert behaviour.seen == []

    async def test_too_large(self) -> None:
        """ID-242."""
        wrapped, behaviour = methods(ANSWER)
        request = pb.IdentifyRequest(request_id="x" * 256 * 1024).SerializeToString()

        with pytest.raises(InvalidRequestError) as caught:
            await wrapped["Identify"].answer_bytes(request, Call(METADATA))

        assert caught.value.reason == "VALIDATION_ERROR"
        assert behaviour.seen == []

    async def test_batches_may_be_larger(self) -> None:
        wrapped, behaviour = methods(pb.BatchResolveResponse())
        call = pb.ResolveCall(identify=pb.IdentifyRequest(request_id="x" * 200_000))
        request = pb.BatchResolveRequest(calls=[call, call]).SerializeToString()

        await wrapped["BatchResolve"].answer_bytes(request, Call(METADATA))

        assert len(behaviour.seen) == 1

    async def test_garbage_in_a_stream(self) -> None:
        wrapped, _ = methods(pb.StreamResolveResponse())

        with pytest.raises(InvalidRequestError):
            await anext(wrapped["StreamResolve"].answers(one(b"\xff\xff"), Call(METADATA)))

    async def test_one_request_with_many_answers(self) -> None:
        wrapped, behaviour = methods(graph.WatchChangesResponse())
        request = graph.WatchChangesRequest(after_seq=3)

        answers = [a async for a in wrapped["WatchChanges"].answers(one(request), Call(METADATA))]

        assert len(answers) == 1
        assert behaviour.seen[0][0] == request
