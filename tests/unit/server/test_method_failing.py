"""What the wrapper lets pass of an error, and the one line that it logs."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from idsync.model.errors import (
    ConfigurationError,
    IdsyncError,
    LookupFailedError,
    NotFoundError,
    UnavailableError,
)
from idsync.server.call import Call
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.server.service import METADATA, methods
from tests.unit.server.wrapped_calls import ANSWER, REQUEST, handled, one


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
