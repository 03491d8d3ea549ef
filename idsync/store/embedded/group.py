"""A group: the entries that are committed together, with the identities and graphs they introduce."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from idsync.model.identity import GraphKey
from idsync.store.birth import Birth
from idsync.store.codec import pack, unpack
from idsync.store.rows import StoredEntry

__all__ = ["Group", "LoggedGroup", "NewIdentity", "read_group"]


class NewIdentity(NamedTuple):
    """A value that an entry of the group introduces; births name theirs themselves."""

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
    entries: list[tuple[int, StoredEntry | Birth]] = field(default_factory=list)
    log_id: int = 0

    def body(self) -> bytes:
        """Give the row's content."""
        return orjson.dumps(
            (
                [(graph_id, key.scope, int(key.environment)) for graph_id, key in self.graphs],
                [tuple(new) for new in self.identities],
                [(graph_id, pack(e)) for graph_id, e in self.entries if type(e) is StoredEntry],
                # orjson does not write subclasses of tuple
                [(graph_id, tuple(e)) for graph_id, e in self.entries if type(e) is Birth],
            )
        )


class LoggedGroup(NamedTuple):
    """A group as the fold reads it back; births rest on no other entry of it, so they are apart."""

    graphs: list[tuple[int, str, int]]
    identities: list[NewIdentity]
    entries: list[tuple[int, StoredEntry]]
    births: list[tuple[int, Birth]]


def read_group(body: bytes) -> LoggedGroup:
    """Undo `Group.body`."""
    # a log that was written before there were births ends here
    graphs, identities, entries, *born = orjson.loads(body)
    packed: list[list[Any]] = entries
    return LoggedGroup(
        [(graph_id, scope, environment) for graph_id, scope, environment in graphs],
        [NewIdentity(*identity) for identity in identities],
        [(graph_id, unpack(entry)) for graph_id, entry in packed],
        [(graph_id, Birth(*birth)) for births in born for graph_id, birth in births],
    )
