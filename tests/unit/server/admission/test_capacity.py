"""Places for calls under way: taken, given back whatever happens, and refused when there are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from idsync.config.configuration import Limits
from idsync.model.errors import OverloadedError
from idsync.server.admission.capacity import Counted


class Slow:
    """A service whose answers wait for a word."""

    def __init__(self) -> None:
        self.word = asyncio.Event()

    async def identify(self, request: object, call: object) -> object:
        await self.word.wait()
        return request

    async def batch_resolve(self, request: object, call: object) -> object:
        await self.word.wait()
        return request

    async def watch_changes(self, request: object, call: object) -> AsyncGenerator[object, None]:
        yield request
        await self.word.wait()
        yield request


class Counting:
    """A slow service, counted."""

    def __init__(self, calls: int = 2, streams: int = 1) -> None:
        self.registry = CollectorRegistry()
        self.slow = Slow()
        self.counted = Counted(Limits(calls_under_way=calls, streams_under_way=streams), self.registry)
        self.service = self.counted.service(self.slow)

    def metric(self, name: str, kind: str) -> float | None:
        return self.registry.get_sample_value(name, {"kind": kind})

    def begin(self, rpc: str = "identify", calls: int = 0) -> asyncio.Task[object]:
        request = SimpleNamespace(calls=[None] * calls)
        return asyncio.create_task(getattr(self.service, rpc)(request, None))


async def test_a_call_beyond_the_last_place_is_refused_with_a_delay() -> None:
    counting = Counting()
    waiting = [counting.begin(), counting.begin()]
    await asyncio.sleep(0)

    with pytest.raises(OverloadedError, match="nothing was changed") as refused:
        await counting.begin()

    assert refused.value.retry_delay_s > 0
    assert counting.metric("idsync_under_way", "calls") == 2
    assert counting.metric("idsync_overload_refusals_total", "calls") == 1
    counting.slow.word.set()
    await asyncio.gather(*waiting)
    assert counting.metric("idsync_under_way", "calls") == 0
    await counting.begin()


async def test_a_place_comes_back_from_a_caller_who_is_gone() -> None:
    counting = Counting(calls=1)
    call = counting.begin()
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])

    counting.slow.word.set()
    await counting.begin()

    assert counting.metric("idsync_under_way", "calls") == 0


async def test_a_batch_takes_places_by_its_size() -> None:
    """It is let in wherever there is one place, so that even the largest has its turn."""
    counting = Counting(calls=2)
    batch = counting.begin("batch_resolve", calls=1_000)
    await asyncio.sleep(0)

    assert counting.metric("idsync_under_way", "calls") == 21
    with pytest.raises(OverloadedError):
        await counting.begin()
    counting.slow.word.set()
    await batch
    assert counting.metric("idsync_under_way", "calls") == 0


async def test_streams_have_places_of_their_own() -> None:
    """They stay for as long as they like: calls must not wait for that."""
    counting = Counting()
    stream = counting.service.watch_changes("one", None)  # type: ignore[attr-defined]
    await anext(stream)
    refused = counting.service.watch_changes("other", None)  # type: ignore[attr-defined]

    with pytest.raises(OverloadedError):
        await anext(refused)
    assert counting.metric("idsync_under_way", "streams") == 1
    counting.slow.word.set()
    await counting.begin()
    await stream.aclose()
    assert counting.metric("idsync_under_way", "streams") == 0
