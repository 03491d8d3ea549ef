"""The wrapper around every method: admission, errors, metrics, one log line, the trace id."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from idsync.config.configuration import Limits
from idsync.model.errors import (
    ConfigurationError,
    IdsyncError,
    InvalidRequestError,
    LookupFailedError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from idsync.server.call import Call
from idsync.server.limits import gate_of
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.server.service import METADATA, WEB, methods

ANSWER = pb.IdentifyResponse(mpid=5)
REQUEST = pb.IdentifyRequest(request_id="r")


async def one(message: Any) -> AsyncGenerator[Any, None]:
    yield message


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

        for request in (REQUEST, b"\xff garbage", b"x" * 1_000_000):
            with pytest.raises(UnauthenticatedError):
                await wrapped["Identify"].answer(request, Call(()))
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
            await wrapped["Identify"].answer(b"\xff garbage", Call(METADATA))
        assert ("x-mp-rate-limit-percentage-used", "100") in first.trailing()

    async def test_batches_count_their_calls_themselves(self) -> None:
        gate = gate_of(Limits(requests_per_second_per_key=1), lambda: 5.0)
        wrapped, _ = methods(pb.BatchResolveResponse(), gate=gate)

        for _ in range(3):
            await wrapped["BatchResolve"].answer(pb.BatchResolveRequest(), Call(METADATA))

    async def test_no_limit_no_percentage(self) -> None:
        wrapped, _ = methods(ANSWER)
        call = Call(METADATA)
        await wrapped["Identify"].answer(REQUEST, call)

        assert [name for name, _ in call.trailing()] == ["x-mp-trace-id"]


class TestParsing:
    async def test_bytes_are_parsed(self) -> None:
        wrapped, behaviour = methods(ANSWER)

        await wrapped["Identify"].answer(REQUEST.SerializeToString(), Call(METADATA))

        assert behaviour.seen[0][0] == REQUEST

    @pytest.mark.parametrize(
        "garbage", [b"\xff\xff", b"\x0a", b"\x22\x02\xff\xfe"], ids=["tag", "cut", "utf8"]
    )
    async def test_garbage(self, garbage: bytes) -> None:
        """Bad request, as on HTTP (ID-233): no message, cut off, not UTF-8."""
        wrapped, behaviour = methods(ANSWER)

        with pytest.raises(InvalidRequestError) as caught:
            await wrapped["Identify"].answer(garbage, Call(METADATA))

        assert caught.value.reason == "BAD_REQUEST"
        assert behaviour.seen == []

    async def test_too_large(self) -> None:
        """ID-242."""
        wrapped, behaviour = methods(ANSWER)
        request = pb.IdentifyRequest(request_id="x" * 256 * 1024).SerializeToString()

        with pytest.raises(InvalidRequestError) as caught:
            await wrapped["Identify"].answer(request, Call(METADATA))

        assert caught.value.reason == "VALIDATION_ERROR"
        assert behaviour.seen == []

    async def test_batches_may_be_larger(self) -> None:
        wrapped, behaviour = methods(pb.BatchResolveResponse())
        call = pb.ResolveCall(identify=pb.IdentifyRequest(request_id="x" * 200_000))
        request = pb.BatchResolveRequest(calls=[call, call]).SerializeToString()

        await wrapped["BatchResolve"].answer(request, Call(METADATA))

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


class TestErrors:
    async def test_planned_errors_pass(self) -> None:
        error = LookupFailedError("knownIdentities is empty.")
        wrapped, _ = methods(error)

        with pytest.raises(LookupFailedError) as caught:
            await wrapped["Identify"].answer(REQUEST, Call(METADATA))

        assert caught.value is error

    @pytest.mark.parametrize(
        "error", [KeyError("ed@example.com"), ConfigurationError("the password is x"), RuntimeError()]
    )
    async def test_unplanned_errors_say_nothing(self, error: Exception) -> None:
        """ID-236; the log has the places under the trace id."""
        wrapped, _ = methods(error)
        call = Call(METADATA)

        with capture_logs() as lines, pytest.raises(IdsyncError) as caught:
            await wrapped["Identify"].answer(REQUEST, call)

        assert (type(caught.value), caught.value.message) == (IdsyncError, "internal error")
        assert caught.value.__suppress_context__
        (line,) = lines
        assert line["log_level"] == "error"
        assert line["trace_id"] == call.trace_id
        assert "service.py" in line["traceback"]
        assert "ed@example.com" not in str(line)

    async def test_unplanned_errors_in_a_stream(self) -> None:
        wrapped, _ = methods(RuntimeError())
        answers = wrapped["StreamResolve"].answers(one(pb.StreamResolveRequest()), Call(METADATA))

        with capture_logs() as lines, pytest.raises(IdsyncError, match="internal error"):
            await anext(answers)
        assert [line["code"] for line in lines] == ["INTERNAL"]

    async def test_cancellation_passes(self) -> None:
        """A caller who goes away ends the call, and that is no error of ours."""
        registry = CollectorRegistry()
        wrapped, behaviour = methods(asyncio.Event().wait, registry=registry)

        task = asyncio.create_task(wrapped["Identify"].answer(REQUEST, Call(METADATA)))
        await behaviour.called.wait()
        task.cancel()

        with capture_logs() as lines, pytest.raises(asyncio.CancelledError):
            await task
        assert lines == []
        assert handled(registry, "Identify", "CANCELLED") == 1


class TestLog:
    async def test_success_is_not_logged(self) -> None:
        wrapped, _ = methods(ANSWER)

        with capture_logs() as lines:
            await wrapped["Identify"].answer(REQUEST, Call(METADATA))

        assert lines == []

    @pytest.mark.parametrize(
        ("error", "level"),
        [
            (LookupFailedError("m"), "info"),
            (NotFoundError("m"), "debug"),
            (UnavailableError("m"), "warning"),
        ],
    )
    async def test_one_line_for_a_failure(self, error: IdsyncError, level: str) -> None:
        wrapped, _ = methods(error)
        call = Call(METADATA)

        with capture_logs() as lines, pytest.raises(IdsyncError):
            await wrapped["Identify"].answer(REQUEST, call)

        (line,) = lines
        assert line.pop("duration_ms") >= 0
        assert line == {
            "event": "call_failed",
            "log_level": level,
            "rpc": "/idsync.v1.IdentityService/Identify",
            "code": line["code"],
            "trace_id": call.trace_id,
            "input": "shop/web",
            "reason": error.reason,
            "detail": "m",
        }


class TestTraceId:
    def test_each_call_has_its_own(self) -> None:
        """ID-235."""
        first, second = Call(()), Call(())

        assert re.fullmatch("[0-9a-f]{16}", first.trace_id)
        assert first.trace_id != second.trace_id
        assert ("x-mp-trace-id", first.trace_id) in first.trailing()

    def test_gateway_may_bring_one(self) -> None:
        given = "0123456789abcdef0123456789abcdef"

        assert Call((("x-mp-trace-id", given),)).trace_id == given

    @pytest.mark.parametrize(
        "odd", ["", "x" * 16, "0" * 15, "0" * 33, "0123456789abcdef\n", b"0123456789abcdef"]
    )
    def test_nothing_else_gets_into_the_log(self, odd: str | bytes) -> None:
        assert Call((("x-mp-trace-id", odd),)).trace_id != odd


def handled(registry: CollectorRegistry, method: str, code: str) -> float | None:
    return registry.get_sample_value(
        "grpc_server_handled_total",
        {
            "grpc_type": "unary_unary",
            "grpc_service": "idsync.v1.IdentityService",
            "grpc_method": method,
            "grpc_code": code,
        },
    )


class TestMetrics:
    async def test_calls_by_code(self) -> None:
        registry = CollectorRegistry()
        wrapped, behaviour = methods(ANSWER, registry=registry)
        for result in (ANSWER, ANSWER, NotFoundError("m"), KeyError("x")):
            behaviour.result = result
            with capture_logs():
                await asyncio.gather(
                    wrapped["Identify"].answer(REQUEST, Call(METADATA)), return_exceptions=True
                )

        assert handled(registry, "Identify", "OK") == 2
        assert handled(registry, "Identify", "NOT_FOUND") == 1
        assert handled(registry, "Identify", "INTERNAL") == 1
        assert handled(registry, "Login", "OK") == 0

    async def test_durations(self) -> None:
        registry = CollectorRegistry()
        wrapped, _ = methods(ANSWER, registry=registry)
        await wrapped["Identify"].answer(REQUEST, Call(METADATA))
        labels = {
            "grpc_type": "unary_unary",
            "grpc_service": "idsync.v1.IdentityService",
            "grpc_method": "Identify",
        }

        assert registry.get_sample_value("grpc_server_handling_seconds_count", labels) == 1
        seconds = registry.get_sample_value("grpc_server_handling_seconds_sum", labels)
        assert seconds is not None
        assert 0 < seconds < 10

    def test_exposition(self) -> None:
        """Prometheus can read it, also before the first call."""
        registry = CollectorRegistry()
        methods(ANSWER, registry=registry)

        text = generate_latest(registry).decode()

        assert 'le="+Inf"' in text
        assert "# TYPE idsync_outcomes_total counter" in text
