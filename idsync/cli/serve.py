"""`idsync serve`: the service, its HTTP gateway, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from idsync.cli.session import refuse
from idsync.config.settings import ServeSettings

if TYPE_CHECKING:
    from idsync.cli.demo_workspace import DemoWorkspace
    from idsync.config.configuration import Configuration

__all__ = ["serve"]

MAX_PROCESSES: Final = 64
"""Front processes at most: long before that the one owner of the graph is what limits."""

_DEFAULTS = ServeSettings()


def serve(
    config: Annotated[
        Path | None,
        typer.Option(
            envvar="IDSYNC_CONFIG",
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="FILE",
            help="Configuration; without one a workspace `demo` is set up.",
        ),
    ] = None,
    database: Annotated[
        str,
        typer.Option(
            envvar="IDSYNC_DATABASE",
            metavar="URL",
            help="sqlite:///relative.db, sqlite:////absolute.db, postgresql://HOST/NAME, or memory:// which "
            "forgets.",
        ),
    ] = _DEFAULTS.database,
    grpc: Annotated[
        str,
        typer.Option(
            envvar="IDSYNC_GRPC", metavar="HOST:PORT", help="Address for gRPC; port 0: the system chooses."
        ),
    ] = _DEFAULTS.grpc,
    http: Annotated[
        str,
        typer.Option(
            envvar="IDSYNC_HTTP", metavar="HOST:PORT", help="Address for HTTP; port 0: the system chooses."
        ),
    ] = _DEFAULTS.http,
    processes: Annotated[
        int,
        typer.Option(
            envvar="IDSYNC_PROCESSES",
            min=1,
            max=MAX_PROCESSES,
            help="How many processes take connections for the one that owns the graph; 1: it does so itself.",
        ),
    ] = _DEFAULTS.processes,
    cache_identities: Annotated[
        int,
        typer.Option(envvar="IDSYNC_CACHE_IDENTITIES", min=1, help="How many identities are kept in memory."),
    ] = _DEFAULTS.cache_identities,
    log_level: Annotated[
        str, typer.Option(envvar="IDSYNC_LOG_LEVEL", help="debug, info, warning or error.")
    ] = _DEFAULTS.log_level,
) -> None:
    """Start the service: gRPC, HTTP and the store.

    Prints one line when it takes calls: `ready grpc=HOST:PORT http=HOST:PORT`. Logs go to standard error.
    SIGTERM and SIGINT let calls under way finish; then it exits 0. Exits 1 when it cannot start.
    """
    # we start another program at most; gRPC would stop its threads for that as if it were a fork of ours
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    import uvloop

    from idsync.cli.demo_workspace import demo_workspace
    from idsync.cli.descriptors import allow_many_connections
    from idsync.cli.log_output import LEVELS, log_to_stderr
    from idsync.config import load_configuration
    from idsync.model.errors import ConfigurationError, IdsyncError, StoreError

    if log_level not in LEVELS:
        raise typer.BadParameter(f"must be one of {', '.join(LEVELS)}", param_hint="--log-level")
    _host_and_port(grpc, "--grpc")
    listening = _listen(http, processes)
    log_to_stderr(log_level)
    allow_many_connections()
    try:
        demo = demo_workspace(database) if config is None else None
        settings = demo.configuration if demo is not None else load_configuration(str(config))
        start = _Start(settings, demo, database, grpc, listening, cache_identities, log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(start))
    except (ConfigurationError, StoreError) as error:
        refuse(f"idsync cannot start: {error}")
    except IdsyncError as error:
        refuse(f"idsync cannot start: {error.message}")
    finally:
        for listener in listening:
            listener.close()


def _host_and_port(address: str, flag: str) -> tuple[str, int]:
    host, separator, port = address.rpartition(":")
    if not separator or not (port.isascii() and port.isdigit()):
        raise typer.BadParameter("must be HOST:PORT", param_hint=flag)
    return host.strip("[]"), int(port)


def _listen(address: str, processes: int) -> list[socket.socket]:
    """Take the address for HTTP, so that port 0 has its number before anything is announced.

    Each process gets a socket of its own, and a single one shares the port with nobody.
    """
    from idsync.server.fronts.ports import listeners

    host, port = _host_and_port(address, "--http")
    try:
        return listeners(host, port, processes)
    except (OSError, OverflowError) as error:
        refuse(f"idsync cannot start: no HTTP on {address}: {error}")


@dataclass(frozen=True, slots=True)
class _Start:
    """What to serve, and where."""

    configuration: Configuration
    demo: DemoWorkspace | None
    database: str
    grpc: str
    http: list[socket.socket]
    cache_identities: int
    log_level: str

    @property
    def http_address(self) -> str:
        """HOST:PORT, with the number that the system chose."""
        host, port = self.http[0].getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _serve(start: _Start) -> None:
    from idsync.cli.log_output import log_loop_errors

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    log_loop_errors(loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    for scope, warnings in start.configuration.warnings.items():
        for warning in warnings:
            _warn(scope, warning)
    await (_serve_alone if len(start.http) == 1 else _serve_through_fronts)(start, stop)


async def _serve_alone(start: _Start, stop: asyncio.Event) -> None:
    """Take connections, and answer them, in this process."""
    from idsync.cli.event_files import events_database, intake_of, open_events, process_events
    from idsync.cli.garbage import keep_resident
    from idsync.cli.http_server import HttpServer
    from idsync.gateway.app import create_app
    from idsync.server.app import open_app

    configuration = start.configuration
    async with (
        open_app(configuration, start.database, start.grpc, cache_identities=start.cache_identities) as app,
        AsyncExitStack() as stack,
    ):
        events = stack.enter_context(events_database(start.database))
        store = await stack.enter_async_context(open_events(events))
        runner = await stack.enter_async_context(process_events(store, app))
        intake = intake_of(store, app.registry, runner.wake)
        if start.demo is not None:
            start.demo.keep()

        async def ready() -> bool:
            return app.is_ready

        gateway = create_app(
            app.local_transport,
            ready=ready,
            registry=app.registry,
            max_age_s=configuration.limits.max_age_s,
            intake=intake,
        )
        keep_resident()
        http = HttpServer(gateway, configuration.tls, configuration.limits.connections)
        running = asyncio.create_task(http.serve(sockets=start.http))
        if await http.has_started(running):
            _say_ready(app.grpc_address, start.http_address)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        await app.leave()
        http.should_exit = True
        stopping.cancel()
        await running


async def _serve_through_fronts(start: _Start, stop: asyncio.Event) -> None:
    """Own the graph; connections are taken by other processes."""
    from prometheus_client import CollectorRegistry

    from idsync.cli.event_files import DATABASE, events_database, open_events, process_events
    from idsync.cli.garbage import keep_resident
    from idsync.server.app import open_app
    from idsync.server.fronts.fronts import Fronts, Setup

    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        os.environ[DATABASE] = stack.enter_context(events_database(start.database))
        setup = Setup(
            command=(sys.executable, "-P", "-m", "idsync.cli.front"),
            http=start.http,
            max_age_s=start.configuration.limits.max_age_s,
            log_level=start.log_level,
            registry=registry,
        )
        app = await stack.enter_async_context(
            open_app(
                start.configuration,
                start.database,
                start.grpc,
                cache_identities=start.cache_identities,
                registry=registry,
                listen=lambda methods, limits: Fronts(methods, limits, setup),
            )
        )
        store = await stack.enter_async_context(open_events(os.environ[DATABASE]))
        await stack.enter_async_context(process_events(store, app))
        if start.demo is not None:
            start.demo.keep()
        keep_resident()
        _say_ready(app.grpc_address, start.http_address)
        await stop.wait()


def _say_ready(grpc: str, http: str) -> None:
    sys.stdout.write(f"ready grpc={grpc} http={http}\n")
    sys.stdout.flush()


def _warn(scope: str, warning: str) -> None:
    import structlog

    structlog.get_logger("idsync.config").warning("configuration_warning", scope=scope, warning=warning)
