"""One live profile of a graph that exists in memory only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from idsync.model.identity import Identity, Mpid, TypeSet
from idsync.store.embedded.nodes import IdentityNode
from idsync.store.embedded.ranking import EMPTY, Solo

__all__ = ["Person"]


class _Graph(Protocol):
    @property
    def people(self) -> Mapping[Mpid, Person]: ...

    @property
    def nodes(self) -> Mapping[Identity, IdentityNode]: ...


class Person:
    """One live profile; implements `idsync.model.view.ProfileView`.

    Attributes:
        on_record: Its record: each identity with the commit that added it, oldest first.
        described: Its descriptive identities, if it ever had any.
        born: Its version while it is as it was born, of values that nobody had; else 0.
    """

    __slots__ = ("_graph", "born", "described", "mpid", "on_record", "recency", "types", "version")

    active_ms = 0
    """Retention removes nobody here: what it removed is in the journal."""

    def __init__(self, graph: _Graph, mpid: Mpid, seq: int) -> None:
        self._graph = graph
        self.mpid = mpid
        self.types: TypeSet = 0
        self.recency = seq
        self.on_record: dict[Identity, int] = {}
        self.described: dict[Identity, int] | None = None
        self.version = 0
        self.born = 0

    @property
    def overtaken(self) -> bool:
        """Whether a profile that shares a value is newer (ID-011)."""
        people, nodes, own, recency = self._graph.people, self._graph.nodes, self.mpid, self.recency
        for identity in self.on_record:
            node = nodes[identity]
            for ranked in (node.known, node.anonymous):
                if type(ranked) is Solo:
                    # mostly this profile
                    if ranked.mpid != own and people[ranked.mpid].recency > recency:
                        return True
                elif ranked is not EMPTY and people[next(ranked.newest_first())].recency > recency:
                    return True
        return False

    def record(self) -> Mapping[Identity, int]:
        """Give its record: each identity with the commit that added it, oldest first."""
        return self.on_record

    def descriptions(self) -> Mapping[Identity, int]:
        """Give its descriptive identities."""
        return self.described or {}
