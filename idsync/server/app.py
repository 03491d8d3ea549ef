"""The composition root: a configuration in, a running service out.

Everything is opened in order in one stack, so that closing is opening in reverse: no more calls, those under
way answered, then the clock's work, then the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any, Final, Protocol

from prometheus_client import CollectorRegistry

from idsync.config.configuration import Configuration, Limits, Tls
from idsync.model.errors import ConfigurationError
from idsync.preview.previewer import Previewer
from idsync.resolve.explain import Explainer
from idsync.resolve.flagged import Flags
from idsync.resolve.radar import Radar
from idsync.resolve.reasoner import Reasoner
from idsync.resolve.recorder import Recorder
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Resolver
from idsync.resolve.watch import Watch
from idsync.server.admission.caller import Caller
from idsync.server.admission.capacity import Counted
from idsync.server.admission.credentials import Authenticator, Registration
from idsync.server.admission.limits import gate_of
from idsync.server.admission.reach import Reach
from idsync.server.alarm_meter import AlarmMeter
from idsync.server.drain import Drain
from idsync.server.meters import Meters
from idsync.server.method import Desk, Method, methods_of
from idsync.server.schedule import run_recording, run_schedule, run_watch
from idsync.server.services.admin_service import AdminService
from idsync.server.services.graph_service import GraphService
from idsync.server.services.identity_service import MANY_CALLS, IdentityService
from idsync.server.services.privacy_service import PrivacyService
from idsync.server.services.radar_service import RadarService
from idsync.server.services.signing import Signing
from idsync.server.switch.live_scopes import LiveScopes
from idsync.server.switch.meters import VersionMeters
from idsync.server.switch.repairs import Repairs
from idsync.server.switch.staging import Staging
from idsync.server.switch.switch import Switch
from idsync.server.transport.grpc_server import GrpcServer
from idsync.server.transport.local import LocalTransport
from idsync.server.versions import record_versions
from idsync.store.memory import MemoryStore
from idsync.store.protocol import Store
from idsync.v1 import (
    admin_service_pb2,
    graph_service_pb2,
    identity_service_pb2,
    privacy_service_pb2,
    radar_service_pb2,
)

__all__ = ["GRACE_S", "App", "Server", "open_app", "system_clock"]

GRACE_S: Final = 10.0
"""How long calls under way are waited for when the service stops, in seconds."""
_IDENTITY: Final = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
_GRAPH: Final = graph_service_pb2.DESCRIPTOR.services_by_name["GraphService"]
_RADAR: Final = radar_service_pb2.DESCRIPTOR.services_by_name["RadarService"]
_PRIVACY: Final = privacy_service_pb2.DESCRIPTOR.services_by_name["PrivacyService"]
_ADMIN: Final = admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"]


def system_clock() -> int:
    """Give the time of the system in UTC milliseconds."""
    return time.time_ns() // 1_000_000


class Server(Protocol):
    """What listens."""

    async def start(self, address: str, tls: Tls | None) -> str:
        """Listen, and say where; see `GrpcServer.start`."""
        ...

    async def leave(self) -> None:
        """Tell those who watch the health that no more calls should come."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and give those under way some time, in seconds."""
        ...


@dataclass(slots=True)
class App:
    """A running service.

    Attributes:
        grpc_address: Where it listens, HOST:PORT.
        local_transport: The same methods without the wire; has the shape of `idsync.client.Transport`.
        registry: What it counts.
        delegate_token: Lets the pipeline act for inputs, through `idsync.client.DelegateCredentials`.
        is_ready: Whether it takes calls; no longer once it has begun to stop.
    """

    configuration: Configuration
    grpc_address: str
    local_transport: LocalTransport
    store: Store
    resolver: Resolver
    registry: CollectorRegistry
    delegate_token: str = field(repr=False)
    _server: Server
    is_ready: bool = True

    async def leave(self) -> None:
        """Tell whoever asks that no more calls should come; those that do are still answered."""
        self.is_ready = False
        await self._server.leave()


@asynccontextmanager
async def open_app(
    configuration: Configuration,
    database_url: str,
    grpc_bind: str,
    *,
    clock: Callable[[], int] = system_clock,
    cache_identities: int = 1_000_000,
    registry: CollectorRegistry | None = None,
    grace_s: float = GRACE_S,
    listen: Callable[[list[Method], Limits], Server] = GrpcServer,
) -> AsyncIterator[App]:
    """Start a service; leaving the context stops it.

    Args:
        configuration: What the configuration file says.
        database_url: `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://...`, or `memory://`,
            which forgets.
        grpc_bind: HOST:PORT; with port 0 the system chooses.
        clock: UTC milliseconds.
        cache_identities: Identities that an embedded store may keep in memory.
        registry: Where to count; a new one by default.
        grace_s: How long calls under way are waited for at the end, in seconds.
        listen: Makes what listens for the calls of these methods: a server, or processes before this one.

    Raises:
        ConfigurationError: Something in the configuration or the addresses cannot be had.
        StoreError: The database cannot be used.
    """
    registry = CollectorRegistry() if registry is None else registry
    # a plug-in that is missing is told before the database is touched
    load_strategies(policy.strategy for policy in configuration.scopes.values())
    scopes = LiveScopes()
    async with AsyncExitStack() as stack:
        store = await _open_store(database_url, configuration, clock, cache_identities)
        stack.push_async_callback(store.close)
        switch = Switch(store, await record_versions(store, configuration.scopes, clock), scopes, clock)
        recorder = Recorder(store, clock, configuration.calls_days) if configuration.calls_days else None
        resolver = Resolver(store, scopes, clock, recorder)
        _follow(switch, resolver, store, registry, stack)
        if recorder is not None:
            stack.push_async_callback(recorder.write)
            _begin(stack, run_recording(recorder))
        _begin(stack, run_schedule(resolver, store))

        drain = Drain()
        gate = gate_of(configuration.limits)
        meters = Meters(registry, recorder)
        delegate_token = token_urlsafe()
        desk = Desk(_authenticator(configuration, clock, delegate_token), gate, meters)
        identity = IdentityService(
            resolver, store, scopes, meters=meters, gate=gate, count=desk.count, drain=drain
        )
        reach = Reach(scopes)
        explainer = Explainer(store, Reasoner(store, scopes))
        previewer = Previewer(store, recorder)
        graph = GraphService(store, explainer, reach, drain, clock, resolver, previewer)
        looking = Radar(store, clock)
        radar = RadarService(looking, Flags(store), resolver, reach)
        if configuration.radar.types:
            watch = Watch(store, resolver, looking, scopes, configuration.radar)
            AlarmMeter(registry, watch)
            _begin(stack, run_watch(watch))
        privacy = PrivacyService(
            store, resolver, reach, Signing(database_url, configuration.signing_key_file)
        )
        admin = AdminService(configuration, switch, Staging(store, switch, clock))
        counted = Counted(configuration.limits, registry)
        methods: list[Method] = [
            *methods_of(_IDENTITY, counted.service(identity), desk, MANY_CALLS, identity.recall),
            *methods_of(_GRAPH, counted.service(graph), desk),
            *methods_of(_RADAR, counted.service(radar), desk),
            *methods_of(_PRIVACY, counted.service(privacy), desk),
            *methods_of(_ADMIN, counted.service(admin), desk),
        ]
        local = LocalTransport(methods)
        stack.push_async_callback(local.close)
        server = listen(methods, configuration.limits)
        stack.push_async_callback(server.stop, grace_s)
        address = await server.start(grpc_bind, configuration.tls)
        app = App(configuration, address, local, store, resolver, registry, delegate_token, server)
        try:
            yield app
        finally:
            await app.leave()
            drain.begin()


def _follow(
    switch: Switch, resolver: Resolver, store: Store, registry: CollectorRegistry, stack: AsyncExitStack
) -> None:
    """Let versions take effect until the service stops."""
    switch.start(resolver, Repairs(store, resolver))
    stack.push_async_callback(switch.stop)
    VersionMeters(registry, switch)


async def _open_store(
    url: str, configuration: Configuration, clock: Callable[[], int], cache_identities: int
) -> Store:
    if url == "memory://":
        return MemoryStore(clock=clock)
    if url.startswith("sqlite:///"):
        # Brings SQLAlchemy along, which a service that forgets does without.
        from idsync.store.embedded.opening import open_store  # noqa: PLC0415

        login_sets = {name: policy.login_set for name, policy in configuration.scopes.items()}
        return await open_store(url, clock=clock, cache_identities=cache_identities, login_sets=login_sets)
    if url.startswith(("postgresql://", "postgres://")):
        try:
            from idsync.store.postgres.opening import open_store as open_on_server  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if error.name != "asyncpg":
                raise
            raise ConfigurationError("PostgreSQL needs an extra: pip install 'idsync[postgres]'") from error
        return await open_on_server(url, clock=clock)
    raise ConfigurationError(
        f"the database {url.partition(':')[0]}: is of no known kind; known are sqlite:///FILE, "
        "postgresql://HOST/NAME and memory://"
    )


def _authenticator(
    configuration: Configuration, clock: Callable[[], int], delegate_token: str
) -> Authenticator:
    registrations = [
        Registration(
            Caller(
                key=item.key,
                workspace=workspace.name,
                scope=workspace.scope,
                platform=item.platform,
                may_read=item.may_read,
                aliasing=workspace.aliasing,
            ),
            item.secret,
            item.key_only,
        )
        for workspace in configuration.workspaces
        for item in workspace.inputs
    ]
    return Authenticator(
        registrations,
        configuration.operator_token,
        configuration.limits.date_tolerance_s,
        clock,
        delegate_token,
    )


def _begin(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Let something go on beside the calls, until the stack is left."""
    stack.push_async_callback(_cancel, asyncio.create_task(work))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
