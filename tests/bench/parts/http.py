"""HTTP identify through the gateway, beside an echo route of the same framework."""

from __future__ import annotations

from tests.bench.measurement import Session
from tests.bench.rates import closed, introduce
from tests.bench.servers import http_echo_server, service
from tests.bench.workloads import Users

__all__ = ["run"]


async def run(session: Session) -> None:
    """Measure repeated and mixed callers over 64 connections."""
    options, folder = session.options, session.folder
    async with http_echo_server(folder) as echo, service(folder) as ours:
        servers = {"echo": echo, "service": ours}
        users = {name: Users(options.users) for name in servers}
        await introduce(ours, users["service"])
        await session.alternate(
            *(
                [closed(options, case, name, [servers[name]], users[name]) for name in servers]
                for case in ("http-repeat", "http-mixed")
            )
        )
