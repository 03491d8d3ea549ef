"""A service whose settings are staged, seen by an operator and by a shop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from idsync.client import AsyncClient, identities
from idsync.config import Configuration
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from idsync.v1 import admin_service_pb2, graph_service_pb2
from idsync.v1 import identity_pb2 as i
from idsync.v1 import identity_service_pb2 as calls
from idsync.v1 import staging_pb2 as pb
from tests.e2e.conftest import CONFIGURATION, OPERATOR, SHOP

__all__ = ["MAIL", "OTHER_STRATEGY", "PRODUCTION", "SHARED", "UNIQUE", "Service", "running", "until"]

SHARED = CONFIGURATION.replace('unique_ids = ["customerid", "email"]', 'unique_ids = ["customerid"]', 1)
UNIQUE = """
[scopes.retail]
strategy = "profile_link"
identity_priority = ["customerid", "email", "ios_idfv", "roku_aid"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]
"""
OTHER_STRATEGY = UNIQUE.replace('"profile_link"', '"profile_conversion"').replace(
    'unique_ids = ["customerid", "email"]', 'unique_ids = ["customerid"]'
)
MAIL: Final = "ed@example.com"
PRODUCTION: Final = i.ENVIRONMENT_PRODUCTION


@dataclass
class Service:
    """A running service with two clients of it."""

    app: App
    operator: AsyncClient
    shop: AsyncClient
    clock: ManualClock
    lead_ms: int

    async def share(self, mail: str = MAIL) -> list[int]:
        """Two people with one email, the newest first; more only with each other mail."""
        mpids = []
        for name in ("one", "two"):
            answer = await self.shop.login(
                calls.LoginRequest(
                    environment=PRODUCTION, known_identities=identities({"customerid": f"{name}-{mail}"})
                )
            )
            added = i.IDENTITY_TYPE_EMAIL
            await self.shop.modify(
                calls.ModifyRequest(
                    environment=PRODUCTION,
                    mpid=answer.mpid,
                    identity_changes=[calls.IdentityChange(type=added, new_value=mail)],
                )
            )
            mpids.append(answer.mpid)
        return mpids[::-1]

    async def holders(self, mail: str = MAIL) -> list[int]:
        """Who has an email."""
        found = await self.operator.find_profiles(
            graph_service_pb2.FindProfilesRequest(
                scope="retail", environment=PRODUCTION, identity=identities({"email": mail})[0]
            )
        )
        return [profile.mpid for profile in found.profiles]

    async def stage(self, candidate: str = OTHER_STRATEGY, **said: object) -> pb.StageVersionResponse:
        """Stage settings as soon as can be, or as told."""
        return await self.operator.stage_version(
            pb.StageVersionRequest(**{"scope": "retail", "candidate": candidate, "author": "Ann", **said})  # type: ignore[arg-type]
        )

    def at(self, ahead_ms: int) -> Timestamp:
        """Name a moment."""
        stamp = Timestamp()
        stamp.FromMilliseconds(self.clock.now_ms + ahead_ms)
        return stamp

    async def versions(self) -> list[pb.SettingsVersion]:
        """List all versions of the scope."""
        return list((await self.operator.list_versions(pb.ListVersionsRequest(scope="retail"))).versions)

    async def in_force(self) -> int:
        """Give the number in force."""
        scope = await self.operator.get_scope(admin_service_pb2.GetScopeRequest(name="retail"))
        return scope.scope.version

    async def take(self, number: int, ahead_ms: int | None = None) -> None:
        """Let the moment come, and wait until the version is in force."""
        self.clock.advance(self.lead_ms if ahead_ms is None else ahead_ms)
        await until(lambda: self._has(number))

    async def _has(self, number: int) -> bool:
        return await self.in_force() == number


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110 - over the wire there is nothing else to wait on
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    configuration: Configuration, database_url: str, clock: ManualClock
) -> AsyncIterator[Service]:
    """Run a service."""
    async with (
        open_app(configuration, database_url, "127.0.0.1:0", clock=clock) as app,
        AsyncClient.connect(app.grpc_address, OPERATOR) as operator,
        AsyncClient.connect(app.grpc_address, SHOP) as shop,
    ):
        yield Service(app, operator, shop, clock, 5_000 if app.store.is_shared else 0)
