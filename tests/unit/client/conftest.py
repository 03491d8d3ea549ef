"""The peer, clients of it, and a clock that a test may turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from idsync.client import AsyncClient, BasicCredentials, GrpcTransport, RetryPolicy
from tests.unit.client.peer import Peer

_sleep = asyncio.sleep


@dataclass
class Clock:
    """Time that passes only where somebody waits for it."""

    now_s: float = 1000.0
    waits_s: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, delay_s: float) -> None:
        if delay_s > 0:
            self.waits_s.append(delay_s)
            self.now_s += delay_s
        await _sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands in for the clock of the retry policy, and for `asyncio.sleep`, by which stamina waits."""
    clock = Clock()
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    return clock


@pytest.fixture
def patience(clock: Clock) -> RetryPolicy:
    """The usual policy on that clock, without jitter."""
    return RetryPolicy(clock=clock, jitter=lambda: 0.0)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    yield peer
    await peer.stop()


@pytest.fixture
async def address(peer: Peer) -> str:
    return await peer.start()


@pytest.fixture
async def client(address: str, patience: RetryPolicy) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(
        GrpcTransport(address), BasicCredentials("web", "s3cret"), retry=patience
    ) as client:
        yield client
