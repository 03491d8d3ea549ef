"""A whole service in this process for one case: its configuration, its own clock, an empty store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
from prometheus_client import CollectorRegistry

from idsync.client import AsyncClient, OperatorCredentials
from idsync.config.configuration import Configuration, InputSettings, WorkspaceSettings
from idsync.gateway.app import create_app
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from idsync.testing.scenario.case import Case, Settings
from idsync.testing.scenario.controls import OwnerControls
from idsync.testing.scenario.grpc_surface import GrpcSurface
from idsync.testing.scenario.http_surface import HttpSurface
from idsync.testing.scenario.inspection import Inspector
from idsync.testing.scenario.service_surface import InputAccess
from idsync.testing.scenario.surface import OpenSurface

OPERATOR = "an-operator"


@dataclass(frozen=True)
class Service:
    """What a surface needs of a running service."""

    app: App
    client: AsyncClient
    inputs: dict[str, InputAccess]
    inspector: Inspector
    controls: OwnerControls


@asynccontextmanager
async def open_service(settings: Settings, database_url: str) -> AsyncIterator[Service]:
    """Start a service with the workspaces of a case, one input each, and an operator."""
    inputs = {
        workspace: InputAccess(f"{workspace}-key", f"{workspace}-secret", scope)
        for workspace, scope in settings.scopes.items()
    }
    clock = ManualClock()
    async with (
        open_app(_configuration(settings, inputs), database_url, "127.0.0.1:0", clock=clock) as app,
        AsyncClient.connect(app.grpc_address) as client,
    ):
        inspector = Inspector(client, OperatorCredentials(OPERATOR), settings.scopes.values())
        yield Service(app, client, inputs, inspector, OwnerControls(app.store, app.resolver, clock))


def _configuration(settings: Settings, inputs: dict[str, InputAccess]) -> Configuration:
    workspaces = tuple(
        WorkspaceSettings(
            workspace,
            access.scope,
            inputs=(InputSettings(access.key, access.secret, "web", workspace, access.scope, key_only=True),),
        )
        for workspace, access in inputs.items()
    )
    scopes = dict.fromkeys(settings.scopes.values(), settings.policy)
    return Configuration(scopes=scopes, workspaces=workspaces, operator_token=OPERATOR)


def over_grpc(database_url: str) -> OpenSurface:
    """Run each case on a service of its own, over gRPC."""

    @asynccontextmanager
    async def open_surface(case: Case) -> AsyncIterator[GrpcSurface]:
        assert case.settings is not None
        async with open_service(case.settings, database_url) as service:
            yield GrpcSurface(service.client, service.inputs, service.inspector, service.controls)

    return open_surface


def over_http(database_url: str, *, key_only: bool = False) -> OpenSurface:
    """Run each case on a service of its own, over HTTP."""

    @asynccontextmanager
    async def open_surface(case: Case) -> AsyncIterator[HttpSurface]:
        assert case.settings is not None
        async with open_service(case.settings, database_url) as service, _http(service) as http:
            inputs = {
                workspace: InputAccess(access.key, None if key_only else access.secret, access.scope)
                for workspace, access in service.inputs.items()
            }
            yield HttpSurface(http, inputs, service.inspector, service.controls)

    return open_surface


@asynccontextmanager
async def _http(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    """Speak to the gateway without a socket, which takes half the time; tests/e2e has the sockets."""

    async def ready() -> bool:
        return service.app.is_ready

    gateway = create_app(service.app.local_transport, ready=ready, registry=CollectorRegistry())
    transport = httpx2.ASGITransport(app=gateway)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client
