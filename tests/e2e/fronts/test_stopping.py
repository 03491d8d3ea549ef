"""The end of a service with fronts: nobody new comes in, whoever is in is answered, every process is gone."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from idsync.client import AsyncClient
from idsync.model.errors import UnavailableError
from idsync.v1 import graph_service_pb2 as graph
from tests.e2e.conftest import SHOP
from tests.e2e.fronts.processes import FLAGS, SERVED, Load, connection, find_again, fronts_of, is_alive
from tests.e2e.http_process import head, http_process
from tests.e2e.identity_requests import PRODUCTION, identify

BODY = b'{"environment":"production","known_identities":{"customerid":"c-1"}}'
WEB = {"x-mp-key": "shop-web"}
REFUSED = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
"""With the second `grpc.aio` ends what came at the last moment and was not begun, in one process too."""


async def test_drained_under_load(tmp_path: Path) -> None:
    """SIGTERM: calls under way are answered, further ones are refused, and it ends well."""
    with http_process(tmp_path, SERVED, *FLAGS) as service:
        load = Load(service.addresses.grpc)
        running = asyncio.create_task(load.run(until_failure=True))
        await load.more(200)
        fronts = fronts_of(service)
        service.process.send_signal(signal.SIGTERM)
        await running
        code = await asyncio.to_thread(service.process.wait, 60)
        log = service.log.read_text()
    with http_process(tmp_path, SERVED, *FLAGS) as service:
        changed = await find_again(service.addresses.grpc, load.acknowledged)
        assert service.stop() == 0

    assert code == 0
    assert not any(map(is_alive, fronts))
    assert {code for codes in load.failures.values() for code in codes} <= REFUSED
    assert changed == {}
    assert "front_died" not in log
    assert "Traceback" not in log


def test_a_request_under_way_is_answered_at_the_end(tmp_path: Path) -> None:
    """As with one process: idle connections hold nothing up, and the port is closed before the end."""
    with http_process(tmp_path, SERVED, *FLAGS) as service:
        idle, slow = service.line(), service.line()
        assert idle.get("/healthz").status == 200
        slow.send(head("/v1/identify", {**WEB, "content-length": str(len(BODY))}) + BODY[:10])
        service.process.send_signal(signal.SIGTERM)
        for _ in range(100_000):
            try:
                socket.create_connection(("127.0.0.1", service.port)).close()
            except OSError:
                break
        slow.send(BODY[10:])
        answer = slow.answer()
        code = service.process.wait(60)

    assert answer.status == 200
    assert code == 0


async def test_watchers_are_told(tmp_path: Path) -> None:
    """Those of the health that it leaves, those of changes to come again; neither holds it up."""
    with http_process(tmp_path, SERVED, *FLAGS) as service:
        client = AsyncClient.connect(service.addresses.grpc, SHOP)
        await client.identify(identify(ios_idfv="d"))
        changes = aiter(client.watch_changes(graph.WatchChangesRequest(environment=PRODUCTION)))
        await anext(changes)
        waiting = asyncio.ensure_future(anext(changes))
        async with connection(service.addresses.grpc) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            watch = aiter(stub.Watch(health_pb2.HealthCheckRequest(service="")))
            health = [(await anext(watch)).status]
            service.process.send_signal(signal.SIGTERM)
            health += [answer.status async for answer in watch]
            with pytest.raises(UnavailableError):
                await waiting
        await client.close()
        code = await asyncio.to_thread(service.process.wait, 60)

    assert health == [health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING]
    assert code == 0
