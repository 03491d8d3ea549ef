"""Where a service keeps its events, and what takes them in."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from idsync.pipeline.intake import Intake
    from idsync.pipeline.store.protocol import EventStore

__all__ = ["DATABASE", "events_database", "open_intake"]

DATABASE: Final = "IDSYNC_EVENTS_DATABASE"
"""The variable that tells a front where events go: an address may hold a password, which arguments show."""

_FILE: Final = "sqlite:///"
_FORGETFUL: Final = "memory://"


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
async def open_intake(database: str, registry: CollectorRegistry) -> AsyncIterator[Intake]:
    """Open what takes events in.

    Args:
        database: What `events_database` said.
        registry: Where to count.

    Raises:
        StoreError: The database cannot be used.
    """
    from idsync.pipeline.intake import Intake

    store = await _open_store(database)
    try:
        yield Intake(store, registry, lambda: time.time_ns() // 1_000_000)
    finally:
        await store.close()


async def _open_store(database: str) -> EventStore:
    if database.startswith(_FILE):
        from idsync.pipeline.store.embedded import EmbeddedEventStore

        return EmbeddedEventStore.open(Path(database.removeprefix(_FILE)))
    from idsync.pipeline.store.postgres import PostgresEventStore
    from idsync.store.postgres.address import read_address

    return await PostgresEventStore.open(read_address(database).connect)
