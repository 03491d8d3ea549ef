"""The service on PostgreSQL, with one node and with two, beside the embedded store."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import Final

from tests.bench.clusters import cluster
from tests.bench.measurement import LeftOutError, Session
from tests.bench.rates import closed, introduce
from tests.bench.servers import RefusedError, Server, echo_server, service
from tests.bench.workloads import Users

__all__ = ["run"]

_CASES: Final = ("repeat", "mixed", "new", "batch-repeat", "batch-mixed", "batch-new")


async def run(session: Session) -> None:
    """Measure every workload on the echo server, the embedded store, one node, and two nodes."""
    options, folder = session.options, session.folder
    try:
        async with AsyncExitStack() as stack:
            opened = stack.enter_async_context
            server = await opened(cluster(options.postgres))
            urls = [
                await opened(server.database(f"idsync_bench_{os.getpid()}_{name}")) for name in ("one", "two")
            ]
            nodes: dict[str, list[Server]] = {
                "echo": [await opened(echo_server(folder))],
                "embedded": [await opened(service(folder, "embedded"))],
                "one node": [await opened(service(folder, "node", database=urls[0]))],
                "two nodes": [
                    await opened(service(folder, name, database=urls[1])) for name in ("first", "second")
                ],
            }
            users = {name: Users(options.users) for name in nodes}
            for name in ("embedded", "one node", "two nodes"):
                await introduce(nodes[name][0], users[name])
            await session.alternate(
                *(
                    [
                        closed(
                            options,
                            case,
                            name,
                            servers,
                            users[name],
                            connections=len(servers),
                            besides=server.processes if "node" in name else (),
                        )
                        for name, servers in nodes.items()
                    ]
                    for case in _CASES
                )
            )
    except RefusedError as refused:
        raise LeftOutError(f"this service has no PostgreSQL: {refused}") from refused
