"""What callers are told of their limit, and of how much of it is used (ID-234)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from idsync.server.app import open_app
from idsync.testing.clock import ManualClock
from tests.unit.gateway.calls import BODY, ORIGIN, WEB, code, post
from tests.unit.gateway.conftest import CONFIGURATION, browse, configuration


@asynccontextmanager
async def limited(clock: ManualClock, *, per_second: int) -> AsyncIterator[httpx2.AsyncClient]:
    """Put a gateway before a service that answers a key so often."""
    limits = f"[limits]\nrequests_per_second_per_key = {per_second}\n"
    async with (
        open_app(configuration(CONFIGURATION + limits), "memory://", "127.0.0.1:0", clock=clock) as service,
        browse(service.local_transport, service.registry) as http,
    ):
        yield http


async def test_a_limit_is_told_in_headers(clock: ManualClock) -> None:
    """ID-234: and comes before validation, so that garbage does not get off free."""
    async with limited(clock, per_second=1) as http:
        for body in (BODY, b"", b"x" * 300_000):
            # The window is of real time: on a busy machine it may pass between two calls.
            for _ in range(100):
                response = await post(http, "/v1/identify", body, {**WEB, **ORIGIN})
                if response.status_code == 429:
                    break

            assert code(response) == "TOO_MANY_REQUESTS"
            assert response.headers["retry-after"] == "1"
            assert response.headers["x-mp-rate-limit-exceeded"] == "app"
            assert response.headers["access-control-allow-origin"] == "*"


async def test_how_much_of_a_limit_is_used(clock: ManualClock) -> None:
    """ID-234: on successful answers where a limit applies, and nowhere else."""
    async with limited(clock, per_second=1_000) as http:
        answers = [await post(http, "/v1/identify", headers={**WEB, **ORIGIN}) for _ in range(11)]
        probe = await http.get("/healthz")

    # On a busy machine some of the eleven may have left the window of one second.
    assert 0 <= int(answers[-1].headers["x-mp-rate-limit-percentage-used"]) <= 1
    assert answers[0].headers["x-mp-rate-limit-percentage-used"] == "0"
    assert "x-mp-rate-limit-percentage-used" not in probe.headers


async def test_without_limits_nothing_is_used(http: httpx2.AsyncClient) -> None:
    """ID-234: where no limit applies, no percentage is told."""
    assert "x-mp-rate-limit-percentage-used" not in (await post(http, "/v1/identify")).headers
