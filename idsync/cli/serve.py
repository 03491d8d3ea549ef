"""`idsync serve`: the service, its HTTP gateway, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idsync.cli.session import refuse
from idsync.config.settings import ServeSettings

if TYPE_CHECKING:
    from idsync.config.configuration import Configuration

__all__ = ["serve"]

_DEFAULTS = ServeSettings()
_COLLECT_AFTER = 50_000
"""Objects between two looks of the garbage collector: a call makes hundreds, and few of them in cycles."""
_OLDEST = 2
"""The generation of which a collection is a full one."""


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
        int, typer.Option(envvar="IDSYNC_PROCESSES", min=1, help="Front processes; only 1 in this version.")
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

    if processes != 1:
        raise typer.BadParameter("this version runs one process", param_hint="--processes")
    if log_level not in LEVELS:
        raise typer.BadParameter(f"must be one of {', '.join(LEVELS)}", param_hint="--log-level")
    _host_and_port(grpc, "--grpc")
    listener = _listen(http)
    log_to_stderr(log_level)
    allow_many_connections()
    try:
        settings = load_configuration(config) if config is not None else demo_workspace(_folder(database))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, database, grpc, listener, cache_identities))
    except (ConfigurationError, StoreError) as error:
        refuse(f"idsync cannot start: {error}")
    except IdsyncError as error:
        refuse(f"idsync cannot start: {error.message}")
    finally:
        listener.close()


def _folder(database: str) -> Path:
    """Say where the demo workspace is kept: beside the database."""
    path = database.removeprefix("sqlite:///")
    return Path(path).parent if path != database else Path("idsync-data")


def _host_and_port(address: str, flag: str) -> tuple[str, int]:
    host, separator, port = address.rpartition(":")
    if not separator or not (port.isascii() and port.isdigit()):
        raise typer.BadParameter("must be HOST:PORT", param_hint=flag)
    return host.strip("[]"), int(port)


def _listen(address: str) -> socket.socket:
    """Take the address for HTTP, so that port 0 has its number before anything is announced."""
    host, port = _host_and_port(address, "--http")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1_024)
    except (OSError, OverflowError) as error:
        refuse(f"idsync cannot start: no HTTP on {address}: {error}")


async def _serve(
    configuration: Configuration, database: str, grpc: str, listener: socket.socket, cache_identities: int
) -> None:
    import gc

    from idsync.cli.http_server import HttpServer
    from idsync.cli.log_output import log_loop_errors
    from idsync.gateway.app import create_app
    from idsync.server.app import open_app

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    log_loop_errors(loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    for scope, warnings in configuration.warnings.items():
        for warning in warnings:
            _warn(scope, warning)
    async with open_app(configuration, database, grpc, cache_identities=cache_identities) as app:

        async def ready() -> bool:
            return app.is_ready

        gateway = create_app(
            app.local_transport,
            ready=ready,
            registry=app.registry,
            max_age_s=configuration.limits.max_age_s,
        )
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER, 20, 50)
        gc.callbacks.append(_freeze_the_old)
        http = HttpServer(gateway, configuration.tls, configuration.limits.connections)
        running = asyncio.create_task(http.serve(sockets=[listener]))
        if await http.has_started(running):
            host, port = listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            sys.stdout.write(f"ready grpc={app.grpc_address} http={shown}:{port}\n")
            sys.stdout.flush()
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        await app.leave()
        http.should_exit = True
        stopping.cancel()
        await running


def _freeze_the_old(phase: str, info: dict[str, int]) -> None:
    """Let the collector look only once at what a full collection found alive: mostly nodes of the graph.

    They are in no cycles and go when nobody refers to them any more, but looking at a million of them would
    hold up every call for a tenth of a second and more.
    """
    import gc

    if phase == "stop" and info["generation"] == _OLDEST:
        gc.freeze()


def _warn(scope: str, warning: str) -> None:
    import structlog

    structlog.get_logger("idsync.config").warning("configuration_warning", scope=scope, warning=warning)
