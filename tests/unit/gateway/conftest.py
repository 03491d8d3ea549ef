"""A gateway in front of a whole service of this process, which forgets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from idsync.client import Transport
from idsync.config import Configuration, parse_configuration
from idsync.gateway.app import create_app
from idsync.gateway.intake import EventIntake
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock

CONFIGURATION = """
[scopes.shop]
strategy = "profile_conversion"
identity_priority = ["customerid", "email", "ios_idfv", "roku_aid", "device_application_stamp"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]
immutable_ids = []

[scopes.apart]
strategy = "profile_isolation"
identity_priority = ["customerid", "email", "device_application_stamp"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]
immutable_ids = []

[workspaces.shop]
scope = "shop"
[[workspaces.shop.inputs]]
platform = "web"
key = "us1-web"
secret = "web-secret"
key_only = true
[[workspaces.shop.inputs]]
platform = "server"
key = "us1-server"
secret = "server-secret"

[workspaces.apart]
scope = "apart"
[[workspaces.apart.inputs]]
platform = "web"
key = "us1-apart"
secret = "apart-secret"
key_only = true
"""


def configuration(text: str = CONFIGURATION) -> Configuration:
    return parse_configuration(text, Path())


@asynccontextmanager
async def browse(
    transport: Transport,
    registry: CollectorRegistry,
    *,
    is_ready: bool = True,
    intake: EventIntake | None = None,
) -> AsyncIterator[httpx2.AsyncClient]:
    """Put a gateway on a transport, and an HTTP client before it."""

    async def ready() -> bool:
        return is_ready

    app = create_app(transport, ready=ready, registry=registry, max_age_s=3_600, intake=intake)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://gateway", headers={"user-agent": "test"}
    ) as http:
        yield http


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service(clock: ManualClock) -> AsyncIterator[App]:
    async with open_app(configuration(), "memory://", "127.0.0.1:0", clock=clock) as app:
        yield app


@pytest.fixture
async def http(service: App) -> AsyncIterator[httpx2.AsyncClient]:
    async with browse(service.local_transport, service.registry) as client:
        yield client
