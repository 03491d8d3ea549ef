"""Single calls: the service beside the echo server, closed and open loop."""

from __future__ import annotations

from typing import Final

from tests.bench.measurement import Session
from tests.bench.rates import closed, introduce, opened
from tests.bench.servers import echo_server, service
from tests.bench.workloads import Users

__all__ = ["run"]

_RATE_PER_S: Final = 2_000.0


async def run(session: Session) -> None:
    """Measure repeated, mixed and new callers, then mixed ones at a rate of our own."""
    options, folder = session.options, session.folder
    async with echo_server(folder) as echo, service(folder) as ours:
        servers = {"echo": echo, "service": ours}
        users = {name: Users(options.users) for name in servers}
        await introduce(ours, users["service"])
        await session.alternate(
            *(
                [closed(options, case, name, [servers[name]], users[name]) for name in servers]
                for case in ("repeat", "mixed", "new")
            ),
            [
                opened(options, "open", name, servers[name], users[name], "mixed", _RATE_PER_S)
                for name in servers
            ],
        )
