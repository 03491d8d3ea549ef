"""Batches for a store of events, and what it then lists."""

from __future__ import annotations

from idsync.model.events import Batch, Channel, Event, RefusedBatch
from idsync.model.identity import Environment
from idsync.pipeline.store.protocol import AttributedBatch, EventStore


def attributed(
    *events: Event, request_id: str = "", mpid: int = 7, workspace: str = "shop", key: str = "k"
) -> AttributedBatch:
    batch = Batch(Channel.WEB, Environment.PRODUCTION, request_id, mpid, {}, events, b'{"a":1}')
    return AttributedBatch(workspace, key, mpid, 5_000, batch)


def event(name: str, timestamp_ms: int | None = None, message_id: str = "") -> Event:
    return Event("custom_event", name, timestamp_ms, message_id)


def refused(workspace: str, cause: str = "unknown_mpid") -> RefusedBatch:
    return RefusedBatch(workspace, "k", Channel.WEB, cause, 5_000, b"{}")


async def names(store: EventStore, mpid: int = 7, workspace: str | None = "shop") -> list[str]:
    return [each.name for each in await store.events_of(mpid, workspace, None, 1_000)]
