"""A whole service on a port of the system's choice, over each store, and clients of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idsync.client import AsyncClient, BasicCredentials, KeyCredentials, OperatorCredentials
from idsync.config import Configuration, parse_configuration
from idsync.server.app import App, open_app
from idsync.store.embedded.opening import open_store
from idsync.testing.clock import ManualClock
from tests.postgres import new_postgres, postgres_server, postgres_url, postgres_worker_url

__all__ = ["new_postgres", "postgres_server", "postgres_url", "postgres_worker_url"]

CONFIGURATION = """
[operator]
token = "op-token"

[scopes.retail]
strategy = "profile_link"
identity_priority = ["customerid", "email", "ios_idfv", "roku_aid"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]

[scopes.parted]
strategy = "profile_isolation"
identity_priority = ["customerid", "ios_idfv"]
login_ids = ["customerid"]
unique_ids = ["customerid"]

[workspaces.shop]
scope = "retail"
[[workspaces.shop.inputs]]
platform = "web"
key = "shop-web"
secret = "shop-secret"
key_only = true
may_read = true
[[workspaces.shop.inputs]]
platform = "feed"
key = "shop-feed"
secret = "feed-secret"

[workspaces.outlet]
scope = "retail"
aliasing = false
[[workspaces.outlet.inputs]]
platform = "ios"
key = "outlet-ios"
secret = "outlet-secret"

[workspaces.club]
scope = "parted"
[[workspaces.club.inputs]]
platform = "server"
key = "club"
secret = "club-secret"
may_read = true
"""

SHOP = BasicCredentials("shop-web", "shop-secret")
FEED = BasicCredentials("shop-feed", "feed-secret")
OUTLET = BasicCredentials("outlet-ios", "outlet-secret")
CLUB = BasicCredentials("club", "club-secret")
SHOP_BY_KEY = KeyCredentials("shop-web")
OPERATOR = OperatorCredentials("op-token")


@pytest.fixture
def clock() -> ManualClock:
    """The clock of the service, which only the test turns."""
    return ManualClock()


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """Two scopes, three workspaces, one operator."""
    return parse_configuration(CONFIGURATION, tmp_path)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that has its schema and nothing else, made once: syncing it takes time."""
    folder = tmp_path_factory.mktemp("empty")

    async def make() -> None:
        store = await open_store(f"sqlite:///{folder / 'idsync.db'}", clock=ManualClock())
        await store.close()

    asyncio.run(make())
    return folder


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "memory":
        return "memory://"
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    shutil.copytree(request.getfixturevalue("empty_database"), tmp_path / "data")
    return f"sqlite:///{tmp_path / 'data' / 'idsync.db'}"


@pytest.fixture
async def app(configuration: Configuration, database_url: str, clock: ManualClock) -> AsyncIterator[App]:
    """A running service."""
    async with open_app(configuration, database_url, "127.0.0.1:0", clock=clock) as app:
        yield app


@pytest.fixture
async def client(app: App) -> AsyncIterator[AsyncClient]:
    """A client over the wire, who is the shop's input unless a call says otherwise."""
    async with AsyncClient.connect(app.grpc_address, SHOP) as client:
        yield client
