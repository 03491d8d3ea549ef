"""Follows the journal while calls race, and says what the follower did not see."""

from __future__ import annotations

import asyncio
from random import Random

from idsync.model.journal import JournalEntry
from idsync.model.request import Operation, ResolveRequest
from idsync.resolve.resolver import Resolver
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import GRAPH
from tests.histories.calls import IDENTITIES, any_scope
from tests.histories.recording import CLIENTS, RemoteStore

__all__ = ["missed"]


def missed(seed: int, store_type: type[RemoteStore]) -> list[int]:
    """Give the positions that a follower from the beginning was never shown, or not in order."""
    return asyncio.run(_missed(seed, store_type))


async def _missed(seed: int, store_type: type[RemoteStore]) -> list[int]:
    store = store_type(Random(seed))
    scope = any_scope(Random(seed))
    nodes = [Resolver(store, {GRAPH.scope: scope}, ManualClock()) for _ in range(CLIENTS)]
    seen: list[int] = []
    follower = asyncio.create_task(_follow(store, seen))

    async def write(number: int) -> None:
        for _ in range(4):
            logout = ResolveRequest(Operation.LOGOUT, GRAPH, {IDENTITIES[3].type: IDENTITIES[3]})
            await nodes[number].resolve(logout)

    await asyncio.gather(*(write(number) for number in range(CLIENTS)))
    for _ in range(100):
        await asyncio.sleep(0)
    follower.cancel()
    await asyncio.wait([follower])
    written: list[JournalEntry] = await store.entries(GRAPH, 0, 1_000)
    return [entry.seq for entry in written if entry.seq not in seen] + ([] if seen == sorted(seen) else [0])


async def _follow(store: Store, seen: list[int]) -> None:
    async for entry in store.changes(GRAPH, 0):
        seen.append(entry.seq)  # noqa: PERF401 - it never ends, and what was seen is wanted meanwhile
