"""All that the gateway knows of where events go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from idsync.client import AsyncClient, Credentials
from idsync.model.events import (
    Batch,
    BatchRefusedError,
    Channel,
    ListedEvent,
    Position,
    RefusedBatch,
    Stored,
)
from idsync.model.identity import Mpid

__all__ = ["EventIntake"]


class EventIntake(Protocol):
    """Takes events, and gives them back; `idsync.pipeline.intake` says what each method does."""

    async def take(
        self,
        client: AsyncClient,
        batches: Sequence[Batch | BatchRefusedError],
        channel: Channel,
        credentials: Credentials,
    ) -> list[Stored | BatchRefusedError]:
        """Attribute and keep what one request brought; on disk when this returns."""
        ...

    def lost(self, error: BatchRefusedError, channel: Channel) -> None:
        """Show the operator that something came of which nobody can say whose it is."""
        ...

    async def events_of(
        self, mpid: Mpid, workspace: str | None, before: Position | None, limit: int
    ) -> list[ListedEvent]:
        """List a profile's events, newest first."""
        ...

    async def refused(self, workspace: str | None, limit: int) -> list[RefusedBatch]:
        """List the batches that were refused last, newest first."""
        ...
