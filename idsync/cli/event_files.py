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

__all__ = ["events_file", "open_intake"]

_FILE: Final = "sqlite:///"
_FORGETFUL: Final = "memory://"


@contextmanager
def events_file(database: str) -> Iterator[Path | None]:
    """Say which file takes the events of a service; that of one that forgets is gone at the end.

    Args:
        database: The URL of its graph.

    Returns:
        `None`: there is no store of events for this kind of database yet, and none are taken.
    """
    from idsync.pipeline.store.schema import events_path

    if database == _FORGETFUL:
        with tempfile.TemporaryDirectory(prefix="idsync-") as folder:
            yield Path(folder) / "events.db"
    elif database.startswith(_FILE):
        yield events_path(Path(database.removeprefix(_FILE)))
    else:
        import structlog

        structlog.get_logger("idsync.pipeline").warning(
            "events_not_taken", reason="events are not kept on PostgreSQL yet; uploads are answered 404"
        )
        yield None


@asynccontextmanager
async def open_intake(file: Path | None, registry: CollectorRegistry) -> AsyncIterator[Intake | None]:
    """Open what takes events in; `None` without a file.

    Raises:
        StoreError: The file cannot be used.
    """
    if file is None:
        yield None
        return
    from idsync.pipeline.intake import Intake
    from idsync.pipeline.store.embedded import EmbeddedEventStore

    store = EmbeddedEventStore.open(file)
    try:
        yield Intake(store, registry, lambda: time.time_ns() // 1_000_000)
    finally:
        await store.close()
