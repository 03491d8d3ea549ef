"""A batch that a rate limit turns away leaves nothing behind, the first one of a sender too (ID-240)."""

from __future__ import annotations

import asyncio

from idsync.model.identity import Environment, GraphKey
from idsync.pipeline.intake import Intake
from idsync.pipeline.store.embedded import EmbeddedEventStore
from idsync.server.app import open_app
from idsync.testing.clock import ManualClock
from tests.unit.gateway.conftest import browse, configuration
from tests.unit.gateway.events.conftest import WITH_READERS
from tests.unit.gateway.events.uploads import READER

GRAPH = GraphKey("shop", Environment.PRODUCTION)


async def test_the_first_batch_of_a_sender_fits_a_limit_of_one(
    clock: ManualClock, store: EmbeddedEventStore
) -> None:
    """Who calls is asked before anybody is made, and once: else every batch would be turned away for ever."""
    limits = "\n[limits]\nrequests_per_second_per_key = 1\n"
    batch = {"environment": "production", "user_identities": {"customer_id": "c1"}, "events": []}
    async with open_app(configuration(WITH_READERS + limits), "memory://", "127.0.0.1:0") as service:
        intake = Intake(store, service.registry, lambda: clock.now_ms)
        async with (
            browse(service.local_transport, service.registry, intake=intake) as http,
            asyncio.timeout(60),
        ):
            # the window is of real time
            while (answer := await http.post("/v2/events", json=batch, headers=READER)).status_code == 429:
                assert await service.store.entries(GRAPH, 0, 10) == []

        assert answer.status_code == 202
        assert len(await service.store.entries(GRAPH, 0, 10)) == 1
