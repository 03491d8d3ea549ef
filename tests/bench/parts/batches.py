"""A hundred identifies a message: the service beside the echo server's batches and its single calls."""

from __future__ import annotations

from tests.bench.measurement import Session
from tests.bench.rates import closed, introduce
from tests.bench.servers import echo_server, service
from tests.bench.workloads import Users

__all__ = ["run"]


async def run(session: Session) -> None:
    """Measure batches of repeated, mixed and new callers, and single calls of the echo server."""
    options, folder = session.options, session.folder
    async with echo_server(folder) as echo, service(folder) as ours:
        servers = {"echo": echo, "service": ours}
        users = {name: Users(options.users) for name in servers}
        await introduce(ours, users["service"])
        await session.alternate(
            [closed(options, "repeat", "echo", [echo], users["echo"])],
            *(
                [closed(options, case, name, [servers[name]], users[name]) for name in servers]
                for case in ("batch-repeat", "batch-mixed", "batch-new")
            ),
        )
