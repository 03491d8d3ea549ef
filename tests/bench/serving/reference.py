"""The reference: `grpc.aio`, as the service has it. Lacks nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bench.serving.host import Hosted, main

__all__: list[str] = []


@asynccontextmanager
async def _own_server(service: Hosted) -> AsyncIterator[str]:
    yield service.grpc_address


if __name__ == "__main__":
    main(_own_server)
