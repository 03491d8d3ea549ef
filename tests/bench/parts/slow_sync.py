"""What remains of the throughput when every sync takes two milliseconds longer."""

from __future__ import annotations

from typing import Final

from tests.bench.measurement import Session
from tests.bench.rates import closed, introduce
from tests.bench.servers import service
from tests.bench.slow_disk import compiled, delaying
from tests.bench.workloads import Users

__all__ = ["run"]

_DELAY_MS: Final = 2.0


async def run(session: Session) -> None:
    """Measure mixed callers on two services that differ in nothing but the delay."""
    options, folder = session.options, session.folder
    library = await compiled(folder)
    async with (
        service(folder, "fast", environment=delaying(library, 0.0)) as fast,
        service(folder, "slow", environment=delaying(library, _DELAY_MS)) as slow,
    ):
        servers = {"fast": fast, "slow": slow}
        users = {name: Users(options.users) for name in servers}
        for name, server in servers.items():
            await introduce(server, users[name])
        await session.alternate(
            [closed(options, "mixed", name, [servers[name]], users[name]) for name in servers]
        )
