"""A group: the entries that are committed together, with the identities and graphs they introduce."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from idsync.model.identity import GraphKey
from idsync.store.codec import pack, unpack
from idsync.store.rows import StoredEntry

__all__ = ["Group", "LoggedGroup", "NewIdentity", "read_group"]


class NewIdentity(NamedTuple):
    """A value that an entry of the group introduces."""

    graph_id: int
    identity_id: int
    type: int
    value: str


@dataclass(slots=True)
class Group:
    """Gathers entries until the log is free for them.

    Attributes:
        number: Groups of one process count from 1, in the order of commits.
        durable: Done when the group is on disk; fails when it could not be written.
        log_id: The row of the log it became; 0 until then.
    """

    number: int
    durable: asyncio.Future[None]
    graphs: list[tuple[int, GraphKey]] = field(default_factory=list)
    identities: list[NewIdentity] = field(default_factory=list)
    entries: list[tuple[int, StoredEntry]] = field(default_factory=list)
    log_id: int = 0

    def body(self) -> bytes:
        """Give the row's content."""
        return orjson.dumps(
            (
                [(graph_id, key.scope, int(key.environment)) for graph_id, key in self.graphs],
                [tuple(new) for new in self.identities],
                [(graph_id, pack(entry)) for graph_id, entry in self.entries],
            )
        )


class LoggedGroup(NamedTuple):
    """A group as the fold reads it back."""

    graphs: list[tuple[int, str, int]]
    identities: list[NewIdentity]
    entries: list[tuple[int, StoredEntry]]


def read_group(body: bytes) -> LoggedGroup:
    """Undo `Group.body`."""
    graphs, identities, entries = orjson.loads(body)
    packed: list[list[Any]] = entries
    return LoggedGroup(
        [(graph_id, scope, environment) for graph_id, scope, environment in graphs],
        [NewIdentity(*identity) for identity in identities],
        [(graph_id, unpack(entry)) for graph_id, entry in packed],
    )
