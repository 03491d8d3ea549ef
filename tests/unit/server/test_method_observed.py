"""What the wrapper leaves behind of each call: its trace id and its metrics."""

from __future__ import annotations

import asyncio
import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from idsync.model.errors import (
    NotFoundError,
)
from idsync.server.call import Call
from tests.unit.server.service import METADATA, methods
from tests.unit.server.wrapped_calls import ANSWER, REQUEST, handled


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
