"""Where a service keeps its events, what takes them in, and what works through them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from idsync.pipeline.intake import Intake
    from idsync.pipeline.runner.runner import Runner
    from idsync.pipeline.store.protocol import EventStore
    from idsync.server.app import App

__all__ = ["DATABASE", "events_database", "intake_of", "open_events", "process_events"]

DATABASE: Final = "IDSYNC_EVENTS_DATABASE"
"""The variable that tells a front where events go: an address may hold a password, which arguments show."""

_FILE: Final = "sqlite:///"
_FORGETFUL: Final = "memory://"
_DRAIN_S: Final = 5.0
"""How long a service that stops goes on with what waits, in seconds; the rest waits for the next start."""


@contextmanager
def events_database(database: str) -> Iterator[str]:
    """Say where the events of a service go; those of one that forgets are gone at the end.

    Args:
        database: The URL of its graph.

    Returns:
        A URL, `sqlite:///FILE` or that of the graph on PostgreSQL.
    """
    from idsync.pipeline.store.schema import events_path

    if database == _FORGETFUL:
        with tempfile.TemporaryDirectory(prefix="idsync-") as folder:
            yield f"{_FILE}{Path(folder) / 'events.db'}"
    elif database.startswith(_FILE):
        yield f"{_FILE}{events_path(Path(database.removeprefix(_FILE)))}"
    else:
        yield database


@asynccontextmanager
async def open_events(database: str) -> AsyncIterator[EventStore]:
    """Open what keeps events.

    Args:
        database: What `events_database` said.

    Raises:
        StoreError: The database cannot be used.
    """
    store = await _open_store(database)
    try:
        yield store
    finally:
        await store.close()


def intake_of(
    store: EventStore, registry: CollectorRegistry, kept: Callable[[], None] = lambda: None
) -> Intake:
    """Build what takes events in; `kept` is called when there is something to process."""
    from idsync.pipeline.intake import Intake

    return Intake(store, registry, _now_ms, kept)


@asynccontextmanager
async def process_events(store: EventStore, app: App) -> AsyncIterator[Runner]:
    """Work through the events of a service, as a client of it; at the end, what waits is given some time."""
    from idsync.client import AsyncClient, DelegateCredentials, RetryPolicy
    from idsync.pipeline.runner.meters import RunnerMeters
    from idsync.pipeline.runner.runner import Runner
    from idsync.pipeline.stages.identity import IdentityStage

    # the runner is patient itself, and says so in its metrics
    client = AsyncClient(app.local_transport, retry=RetryPolicy(attempts=1))
    identity = IdentityStage(client, lambda key: DelegateCredentials(key, app.delegate_token))
    runner = Runner(store.queue, identity, RunnerMeters(app.registry), _now_ms)
    running = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        runner.end()
        await asyncio.wait([running], timeout=_DRAIN_S)
        running.cancel()
        await asyncio.wait([running])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _open_store(database: str) -> EventStore:
    if database.startswith(_FILE):
        from idsync.pipeline.store.embedded import EmbeddedEventStore

        return EmbeddedEventStore.open(Path(database.removeprefix(_FILE)))
    from idsync.pipeline.store.postgres import PostgresEventStore
    from idsync.store.postgres.address import read_address

    return await PostgresEventStore.open(read_address(database).connect)
