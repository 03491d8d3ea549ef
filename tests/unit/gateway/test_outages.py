"""A fault of ours, or a service that is gone: what callers hear of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from idsync.client import Metadata, Rpc, Trailing
from idsync.model.errors import UnavailableError
from idsync.server.app import App
from tests.unit.client.conftest import Clock
from tests.unit.gateway import recorded
from tests.unit.gateway.calls import ORIGIN, WEB, code, post
from tests.unit.gateway.conftest import browse


class Broken:
    """A transport with a fault that nobody planned, and a text that nobody may read."""

    async def call(
        self,
        rpc: Rpc,
        request: object,
        metadata: Metadata,
        timeout_s: float | None,
        trailing: Trailing | None = None,
    ) -> Any:
        raise ValueError("jekyll@example.com")

    def stream(self, rpc: Rpc, requests: object, metadata: Metadata) -> Any:
        raise ValueError

    async def close(self) -> None:
        """Nothing to close."""


class Away(Broken):
    """A transport to a service that cannot answer now; counts who tried."""

    calls = 0

    async def call(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        raise UnavailableError("away")


async def test_a_fault_of_ours_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Outside a code and a trace id, inside the place, nowhere a value; and a page can read the answer."""
    registry = CollectorRegistry()
    async with browse(Broken(), registry) as http:
        identity = await post(http, "/v1/identify", headers={**WEB, **ORIGIN})
        alias = await post(http, "/v1/identity/k/alias", recorded.WEB_ALIAS, ORIGIN)
    logged = "".join(capsys.readouterr())

    for response in (identity, alias):
        assert response.status_code == 500
        assert "INTERNAL_ERROR" in response.text
        assert "jekyll" not in response.text
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["x-mp-trace-id"] in logged
    assert "jekyll" not in logged
    assert "ValueError" in logged


async def test_a_service_that_is_gone(service: App) -> None:
    """ID-233, ID-234: 503 with a wait; clients treat it like 429."""
    async with browse(service.local_transport, CollectorRegistry()) as http:
        await service.local_transport.close()

        response = await post(http, "/v1/identify")

    assert (response.status_code, code(response)) == (503, "INTERNAL_ERROR")
    assert response.headers["retry-after"] == "1"


async def test_who_calls_over_http_is_not_kept_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage may end soon, so it is tried again for some seconds; then the caller is told when to come."""
    clock = Clock()
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    away = Away()
    async with browse(away, CollectorRegistry()) as http:
        response = await post(http, "/v1/identify")

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert away.calls == 5
    assert 4.0 <= sum(clock.waits_s) <= 5.0
