"""Where batches enter: attributed, kept, and only then acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import structlog
from prometheus_client import CollectorRegistry

from idsync.client import AsyncClient, Credentials, OperatorCredentials
from idsync.model.errors import ForbiddenError, UnavailableError
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
from idsync.pipeline.attribution import mpid_of
from idsync.pipeline.meters import Meters
from idsync.pipeline.store.protocol import AttributedBatch, EventStore
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["HISTORICAL_AGE_MS", "MAX_BACKLOG", "Intake"]

HISTORICAL_AGE_MS: Final = 72 * 3_600_000
"""Younger events do not belong to the historical upload, in milliseconds (EV-016)."""
MAX_BACKLOG: Final = 1_000_000
"""Batches that may wait for their first turn; while there are more, senders are asked to come later."""
_BACKLOG_MS: Final = 1_000
"""How old the figure of what waits may be, in milliseconds."""
_LATER_S: Final = 30.0
"""What senders are told to wait then, in seconds."""
_MAX_KEYS: Final = 1_024
"""Inputs whose workspace is remembered."""

Taken: TypeAlias = Stored | BatchRefusedError

_log = structlog.get_logger("idsync.pipeline")


class Intake:
    """Takes batches, and gives the events of a profile back."""

    def __init__(
        self,
        store: EventStore,
        registry: CollectorRegistry,
        clock: Callable[[], int],
        kept: Callable[[], None] = lambda: None,
    ) -> None:
        """Build it.

        Args:
            store: Where events are kept; closed by whoever opened it.
            registry: Where to count.
            clock: UTC milliseconds.
            kept: Called when there is something new to be processed.
        """
        self._store = store
        self._kept = kept
        self._backlog_ms: int | None = None
        self._is_full = False
        self._meters = Meters(registry)
        self._clock = clock
        self._workspaces: dict[str, str] = {}

    async def take(
        self,
        client: AsyncClient,
        batches: Sequence[Batch | BatchRefusedError],
        channel: Channel,
        credentials: Credentials,
    ) -> list[Taken]:
        """Attribute and keep what one request brought: on disk when this returns.

        All that can be kept is kept in one go, and nothing is when any of it has to come again.

        Args:
            client: The identity service.
            batches: What was read; an error stands for a batch that could not be.
            channel: How all of them came.
            credentials: Those the request came with; wrong ones raise, whatever the batches are.

        Returns:
            What became of each batch, in their order.

        Raises:
            IdsyncError: Nothing was kept, because of the caller, a limit, or a service out of reach.
        """
        received_ms = self._clock()
        await self._require_room(received_ms)
        is_stranger = isinstance(credentials, OperatorCredentials) or credentials.key not in self._workspaces
        if is_stranger:
            # before anybody is made: it counts as a call too, and may be the one too many
            await self._whose(client, credentials)
        found = [await self._attribute(batch, client, credentials, received_ms) for batch in batches]
        # an identity call has verified who calls; where there was none, nobody has yet
        verified = is_stranger or any(isinstance(each, int) for each in found)
        workspace, key = await self._whose(client, credentials, afresh=not verified)
        attributed: list[AttributedBatch] = []
        refused: list[RefusedBatch] = []
        outcomes: list[Taken] = []
        for batch, each in zip(batches, found, strict=True):
            if isinstance(batch, Batch) and isinstance(each, int):
                attributed.append(AttributedBatch(workspace, key, each, received_ms, batch))
                outcomes.append(Stored.ACCEPTED)
            elif isinstance(each, BatchRefusedError) and not await self._was_kept(batch, workspace, key):
                refused.append(RefusedBatch(workspace, key, channel, each.cause, received_ms, each.body))
                outcomes.append(each)
            else:
                outcomes.append(Stored.DUPLICATE)
        is_any = attributed or refused
        kept = iter(await self._store.append(attributed, refused) if is_any else ())
        taken = [next(kept) if each is Stored.ACCEPTED else each for each in outcomes]
        if attributed:
            self._kept()
        for batch, outcome in zip(batches, taken, strict=True):
            self._tell(batch, channel, workspace, outcome)
        return taken

    def lost(self, error: BatchRefusedError, channel: Channel) -> None:
        """Show the operator, in log and metric, what is no workspace's because nobody was verified."""
        self._meters.refused(channel, error)
        _log.warning("batch_refused", cause=error.cause, channel=channel.value)

    async def events_of(
        self, mpid: Mpid, workspace: str | None, before: Position | None, limit: int
    ) -> list[ListedEvent]:
        """List a profile's events, newest first; see `EventStore.events_of`."""
        return await self._store.events_of(mpid, workspace, before, limit)

    async def refused(self, workspace: str | None, limit: int) -> list[RefusedBatch]:
        """List what was refused last; see `EventStore.refused`."""
        return await self._store.refused(workspace, limit)

    async def _attribute(
        self,
        batch: Batch | BatchRefusedError,
        client: AsyncClient,
        credentials: Credentials,
        received_ms: int,
    ) -> Mpid | BatchRefusedError:
        if isinstance(batch, BatchRefusedError):
            return batch
        try:
            _require_old(batch, received_ms)
            return await mpid_of(batch, client, credentials)
        except BatchRefusedError as error:
            return error

    async def _require_room(self, now_ms: int) -> None:
        """Refuse what would make a queue longer that is too long already.

        Raises:
            UnavailableError: It is.
        """
        if self._backlog_ms is None or abs(now_ms - self._backlog_ms) >= _BACKLOG_MS:
            self._backlog_ms = now_ms
            self._is_full = await self._store.backlog() >= MAX_BACKLOG
        if self._is_full:
            error = UnavailableError("too many events wait to be processed")
            error.retry_delay_s = _LATER_S
            raise error

    async def _was_kept(self, batch: Batch | BatchRefusedError, workspace: str, key: str) -> bool:
        """Say whether a batch that would be refused now was kept when it came first."""
        if not isinstance(batch, Batch) or not batch.request_id:
            return False
        return await self._store.holds(workspace, key, batch.request_id)

    def _tell(
        self, batch: Batch | BatchRefusedError, channel: Channel, workspace: str, outcome: Taken
    ) -> None:
        """Show the operator what became of a batch."""
        if isinstance(outcome, BatchRefusedError):
            self._meters.refused(channel, outcome)
            _log.warning("batch_refused", cause=outcome.cause, channel=channel.value, workspace=workspace)
        elif isinstance(batch, Batch):
            self._meters.stored(batch, outcome)

    async def _whose(
        self, client: AsyncClient, credentials: Credentials, *, afresh: bool = False
    ) -> tuple[str, str]:
        """Give workspace and key of a caller.

        Args:
            client: The identity service.
            credentials: Of an input.
            afresh: Nothing has verified them yet.

        Raises:
            ForbiddenError: The caller is an operator, who belongs to no workspace.
        """
        if isinstance(credentials, OperatorCredentials):
            raise ForbiddenError("an operator belongs to no workspace; use the key of an input")
        key = credentials.key
        workspace = self._workspaces.get(key)
        if workspace is None or afresh:
            caller = await client.get_caller(pb.GetCallerRequest(), credentials=credentials)
            workspace = caller.workspace
            if len(self._workspaces) >= _MAX_KEYS:
                self._workspaces.clear()
            self._workspaces[key] = workspace
        return workspace, key


def _require_old(batch: Batch, now_ms: int) -> None:
    """Refuse what does not belong to the historical upload (EV-016).

    Raises:
        BatchRefusedError: It has no events, or one of them has no time or is too young.
    """
    if batch.channel is not Channel.HISTORICAL:
        return
    if not batch.events:
        raise BatchRefusedError("a historical batch has no events", cause="not_historical", body=batch.body)
    if any(
        event.timestamp_ms is None or event.timestamp_ms > now_ms - HISTORICAL_AGE_MS
        for event in batch.events
    ):
        raise BatchRefusedError(
            "timestamp_unixtime_ms of a historical event is missing or younger than 72 hours",
            cause="not_historical",
            body=batch.body,
        )
