"""All that the pipeline knows of where events are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from idsync.model.events import Batch, ListedEvent, Position, RefusedBatch, Stored
from idsync.model.identity import Mpid
from idsync.pipeline.store.work import BatchQueue, DeadLetters

__all__ = ["KEPT_REFUSED", "AttributedBatch", "EventStore"]

KEPT_REFUSED: Final = 1_000
"""Refused batches that are kept of each workspace, the newest."""


@dataclass(frozen=True, slots=True)
class AttributedBatch:
    """A batch and whose it is.

    Attributes:
        workspace: Whose data it is; nobody else ever sees it.
        input_key: Whose ids it carries: senders of different inputs know nothing of each other's.
        received_ms: When it came, UTC milliseconds.
    """

    workspace: str
    input_key: str
    mpid: Mpid
    received_ms: int
    batch: Batch


class EventStore(Protocol):
    """Keeps events; any number of tasks of one event loop may call it, and several processes may share it."""

    @property
    def queue(self) -> BatchQueue:
        """What is kept and not yet processed: every batch is queued by the write that keeps it."""
        ...

    @property
    def dead_letters(self) -> DeadLetters:
        """What was given up."""
        ...

    async def append(
        self, batches: Sequence[AttributedBatch], refused: Sequence[RefusedBatch] = ()
    ) -> list[Stored]:
        """Keep what one request brought, all of it or nothing, on disk before this returns.

        A batch whose request id is kept already for its input is a duplicate, and so is each event whose
        message id is kept for its input and type: neither is kept again.

        Args:
            batches: To be kept among the events.
            refused: To be kept for operators for a while: the newest `KEPT_REFUSED` of each workspace.

        Returns:
            What became of each batch, in the order given.

        Raises:
            UnavailableError: Nothing is kept, or it is not known whether it is.
        """
        ...

    async def holds(self, workspace: str, input_key: str, request_id: str) -> bool:
        """Say whether a batch with this id of its sender is kept.

        Raises:
            UnavailableError: The store cannot be read.
        """
        ...

    async def backlog(self) -> int:
        """Say how many batches wait for their first turn; never too few, and cheap.

        Raises:
            UnavailableError: The store cannot be read.
        """
        ...

    async def documents_of(self, mpid: Mpid) -> dict[str, bytes]:
        """Read all parts of a profile, by workspace; empty where nothing is known of it.

        Raises:
            UnavailableError: The store cannot be read.
        """
        ...

    async def events_of(
        self, mpid: Mpid, workspace: str | None, before: Position | None, limit: int
    ) -> list[ListedEvent]:
        """List a profile's events, newest first.

        Args:
            mpid: The profile.
            workspace: Whose events; `None`: those of all workspaces.
            before: Only what comes after this place in the list; `None`: from its beginning.
            limit: How many at most.

        Raises:
            UnavailableError: The store cannot be read.
        """
        ...

    async def refused(self, workspace: str | None, limit: int) -> list[RefusedBatch]:
        """List what was refused last, newest first.

        Args:
            workspace: Whose; `None`: of all workspaces.
            limit: How many at most.

        Raises:
            UnavailableError: The store cannot be read.
        """
        ...

    async def close(self) -> None:
        """End what runs, after what was begun."""
        ...
