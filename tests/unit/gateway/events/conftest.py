"""A gateway that takes events, before a service of this process and a store on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from idsync.pipeline.intake import Intake
from idsync.pipeline.store.embedded import EmbeddedEventStore
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from tests.unit.gateway.conftest import CONFIGURATION, browse, configuration

WITH_READERS = (
    CONFIGURATION
    + """
[operator]
token = "op-token"

[[workspaces.shop.inputs]]
platform = "feed"
key = "us1-reader"
secret = "reader-secret"
may_read = true
[[workspaces.shop.inputs]]
platform = "android"
key = "us1-android"
secret = "android-secret"

[workspaces.outlet]
scope = "shop"
[[workspaces.outlet.inputs]]
platform = "feed"
key = "us1-outlet"
secret = "outlet-secret"
may_read = true
"""
)


@pytest.fixture
async def service(clock: ManualClock) -> AsyncIterator[App]:
    async with open_app(configuration(WITH_READERS), "memory://", "127.0.0.1:0", clock=clock) as app:
        yield app


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedEventStore]:
    store = EmbeddedEventStore.open(tmp_path / "events.db")
    yield store
    await store.close()


@pytest.fixture
async def http(
    service: App, store: EmbeddedEventStore, clock: ManualClock
) -> AsyncIterator[httpx2.AsyncClient]:
    intake = Intake(store, service.registry, lambda: clock.now_ms)
    async with browse(service.local_transport, service.registry, intake=intake) as client:
        yield client
