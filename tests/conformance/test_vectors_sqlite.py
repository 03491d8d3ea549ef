"""Every vector on the resolver over SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from idsync.model.identity import TypeSet
from idsync.store.embedded.opening import open_store
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scenario.case import Case
from idsync.testing.scenario.resolver_surface import over_store
from tests.conformance.vectors import STORIES, TYPED, faults_of


@pytest.mark.parametrize("case", STORIES, ids=lambda case: case.id)
@pytest.mark.parametrize("cache_identities", [1_000_000, 1], ids=["resident", "small-cache"])
async def test_vector(case: Case, cache_identities: int, database_url: str) -> None:
    """With the whole graph in memory, and with next to nothing of it."""

    @asynccontextmanager
    async def open_empty(clock: ManualClock, login_sets: Mapping[str, TypeSet]) -> AsyncIterator[Store]:
        store = await open_store(
            database_url, clock=clock, cache_identities=cache_identities, login_sets=login_sets
        )
        try:
            yield store
        finally:
            await store.close()

    assert await faults_of(case, over_store(open_empty), TYPED) == []
