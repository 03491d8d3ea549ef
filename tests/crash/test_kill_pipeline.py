"""Each accepted batch is processed, and its effects come once, wherever a SIGKILL falls (PL-006)."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import httpx2

from tests.crash.load import until
from tests.crash.served import Served, served

KILLS = int(os.environ.get("IDSYNC_KILLS", "3"))
ACCEPTED = 200
SENDERS = 16
EACH = 10
"""Batches of one person."""


async def test_each_accepted_batch_has_its_effects_once(tmp_path: Path) -> None:
    """After each kill the file has, of every batch, either its place in the queue or its effects."""
    accepted: set[int] = set()
    numbers = itertools.count()

    waited = 0
    for _ in range(KILLS):
        async with served(tmp_path) as service:
            await _send_until_killed(service, accepted, numbers)
        waited += _require_either(tmp_path / "events.db")
    async with served(tmp_path) as service:
        await until(lambda: not _rows(tmp_path, "SELECT 1 FROM queue"), "the queue is empty")
        assert await service.stop() == 0

    written = _written(tmp_path / "events.db")
    assert waited, "no kill fell between acceptance and processing"
    assert accepted <= written.keys()
    assert all(attributes == {f"a{number}"} for number, attributes in written.items())


async def test_a_service_that_is_asked_to_end_leaves_nothing_behind(tmp_path: Path) -> None:
    """What was accepted is processed before it exits, as far as it takes no longer than is said."""
    async with served(tmp_path) as service, httpx2.AsyncClient() as http:
        answers = await asyncio.gather(*(_send(http, service, number) for number in range(50)))
        assert await service.stop() == 0

    assert [answer.status_code for answer in answers] == [202] * 50
    assert _require_either(tmp_path / "events.db") == 0
    assert _written(tmp_path / "events.db").keys() == set(range(50))


async def _send(http: httpx2.AsyncClient, service: Served, number: int) -> httpx2.Response:
    body = {
        "source_request_id": f"r{number}",
        "user_identities": {"customer_id": f"c-{number // EACH}"},
        "user_attributes": {f"a{number}": number},
    }
    return await http.post(
        f"http://{service.http}/v2/events", json=body, auth=("shop", "shop-secret"), timeout=60
    )


async def _send_until_killed(service: Served, accepted: set[int], numbers: itertools.count[int]) -> None:
    enough = asyncio.Event()
    goal = len(accepted) + ACCEPTED

    async def sender() -> None:
        async with httpx2.AsyncClient() as http:
            while True:
                number = next(numbers)
                try:
                    answer = await _send(http, service, number)
                except httpx2.HTTPError:
                    return
                assert answer.status_code == 202
                accepted.add(number)
                if len(accepted) >= goal:
                    enough.set()

    senders = [asyncio.create_task(sender()) for _ in range(SENDERS)]
    await enough.wait()
    await service.kill()
    await asyncio.gather(*senders)


def _rows(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "events.db")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def _written(path: Path) -> dict[int, set[str]]:
    """Give what each batch has written, by the number that it carries; tells who wrote by the arrival."""
    numbers = {
        batch_id: int(json.loads(body)["source_request_id"][1:])
        for batch_id, body in _rows(path.parent, "SELECT batch_id, body FROM batch")
    }
    written: dict[int, set[str]] = {}
    for (document,) in _rows(path.parent, "SELECT document FROM profile"):
        for name, (_, arrival, *_rest) in json.loads(document)["attributes"].items():
            written.setdefault(numbers[arrival], set()).add(name)
    return written


def _require_either(path: Path) -> int:
    """Require of each batch that it waits or is processed, never both; gives how many wait."""
    queued = {batch_id for (batch_id,) in _rows(path.parent, "SELECT batch_id FROM queue")}
    kept = {
        int(json.loads(body)["source_request_id"][1:]): batch_id
        for batch_id, body in _rows(path.parent, "SELECT batch_id, body FROM batch")
    }
    written = _written(path)
    for number, batch_id in kept.items():
        assert (batch_id in queued) is not (number in written)
    return len(queued)
