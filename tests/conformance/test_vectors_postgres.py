"""Every vector on PostgreSQL: on the resolver, and over both wires."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from idsync.model.identity import TypeSet
from idsync.store.postgres.opening import open_store
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scenario.case import Case
from idsync.testing.scenario.resolver_surface import over_store
from tests.conformance.services import over_grpc, over_http
from tests.conformance.vectors import STORIES, TYPED, faults_of

pytestmark = pytest.mark.postgres
each_story = pytest.mark.parametrize("case", STORIES, ids=lambda case: case.id)


@each_story
async def test_vector_on_the_resolver(case: Case, postgres_url: str) -> None:
    @asynccontextmanager
    async def open_empty(clock: ManualClock, _logins: Mapping[str, TypeSet]) -> AsyncIterator[Store]:
        store = await open_store(postgres_url, clock=clock)
        try:
            yield store
        finally:
            await store.close()

    assert await faults_of(case, over_store(open_empty), TYPED) == []


@each_story
async def test_vector_over_grpc(case: Case, postgres_url: str) -> None:
    assert await faults_of(case, over_grpc(postgres_url), TYPED) == []


@each_story
async def test_vector_over_http(case: Case, postgres_url: str) -> None:
    assert await faults_of(case, over_http(postgres_url), {}) == []
