"""The program of a front process, started by `idsync serve --processes N` and by nobody else."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from idsync.cli.descriptors import allow_many_connections
from idsync.cli.event_files import DATABASE, intake_of, open_events
from idsync.cli.garbage import keep_resident
from idsync.cli.http_server import HttpServer
from idsync.cli.log_output import log_loop_errors, log_to_stderr
from idsync.config.configuration import Limits, Tls
from idsync.gateway.app import create_app
from idsync.model.errors import IdsyncError
from idsync.server.fronts.figures import figures_of
from idsync.server.fronts.front import FrontSetting
from idsync.server.fronts.relay import Relay
from idsync.server.fronts.relayed import relayed_bytes, relayed_messages
from idsync.server.transport.grpc_server import GrpcServer
from idsync.server.transport.local import LocalTransport

__all__ = ["main"]

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Serve what the last argument says until the owner says stop, or is gone."""
    setting = FrontSetting.read(sys.argv[-1])
    _end_with(setting.owner_pid)
    for number in (signal.SIGTERM, signal.SIGINT):
        # they mean the service, and its owner says when a front is to end
        signal.signal(number, signal.SIG_IGN)
    log_to_stderr(setting.log_level)
    allow_many_connections()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(setting))


def _end_with(owner_pid: int) -> None:
    """End with the owner, even while the loop that would see its socket close is held up."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != owner_pid:
        os._exit(1)


async def _serve(setting: FrontSetting) -> None:
    loop = asyncio.get_running_loop()
    log_loop_errors(loop)
    registry = CollectorRegistry()
    is_ending = False

    def lost() -> None:
        if not is_ending:
            structlog.get_logger("idsync.front").error("owner_gone")
            # no call under way can be answered any more
            os._exit(1)

    _, relay = await loop.create_unix_connection(
        lambda: Relay(lambda: figures_of(registry), lost), sock=socket.socket(fileno=setting.relay_fd)
    )
    tls = None
    if setting.certificate_file is not None and setting.key_file is not None:
        tls = Tls(Path(setting.certificate_file), Path(setting.key_file))
    local = LocalTransport(relayed_messages(relay))
    limits = Limits(
        calls_under_way=setting.calls_under_way,
        calls_per_connection=setting.calls_per_connection,
        connections=setting.connections,
    )
    server = GrpcServer(relayed_bytes(relay), limits, shares_port=True)

    async def ready() -> bool:
        return not relay.is_leaving

    stack = AsyncExitStack()
    try:
        store = await stack.enter_async_context(open_events(os.environ[DATABASE]))
        gateway = create_app(
            local,
            ready=ready,
            registry=registry,
            max_age_s=setting.max_age_s,
            show=relay.show,
            intake=intake_of(store, registry),
        )
        http = HttpServer(gateway, tls, setting.connections)
        keep_resident()
        await server.start(setting.grpc, tls)
    except IdsyncError as error:
        relay.say_refused(error.message)
    else:
        running = asyncio.create_task(http.serve(sockets=[socket.socket(fileno=setting.http_fd)]))
        if await http.has_started(running):
            relay.say_ready()
        leaving = asyncio.create_task(_leave(relay, server))
        grace_s = await relay.stop()
        http.should_exit = True
        await asyncio.gather(running, server.stop(grace_s))
        leaving.cancel()
    await stack.aclose()
    is_ending = True
    relay.close()


async def _leave(relay: Relay, server: GrpcServer) -> None:
    await relay.leave()
    await server.leave()


if __name__ == "__main__":
    main()
