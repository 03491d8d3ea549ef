"""What a decision sees of the embedded store: resident nodes, unchanged until the decision is applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from idsync.model.aliasing import AliasRecord
from idsync.model.flag import Flag
from idsync.model.identity import Identity, Mpid, TypeSet
from idsync.model.journal import JournalEntry
from idsync.model.must_not import MustNot
from idsync.store.embedded.nodes import IdentityNode, ProfileNode
from idsync.store.embedded.resident import ResidentGraph

__all__ = ["EmbeddedView"]


class _ProfileView:
    """A live profile; implements `idsync.model.view.ProfileView`."""

    __slots__ = ("_graph", "node")

    def __init__(self, graph: ResidentGraph, node: ProfileNode) -> None:
        self._graph = graph
        self.node = node

    @property
    def mpid(self) -> Mpid:
        return self.node.mpid

    @property
    def types(self) -> TypeSet:
        return self.node.types

    @property
    def recency(self) -> int:
        return self.node.recency

    @property
    def version(self) -> int:
        return self.node.version

    @property
    def active_ms(self) -> int:
        return self.node.active_ms

    @property
    def overtaken(self) -> bool:
        return self._graph.is_overtaken(self.node)

    def record(self) -> Mapping[Identity, int]:
        return self._graph.record(self.node.mpid, descriptive=False)

    def descriptions(self) -> Mapping[Identity, int]:
        return self._graph.record(self.node.mpid, descriptive=True)


class EmbeddedView:
    """Implements `idsync.model.view.GraphView`.

    Attributes:
        graph: Where it looks.
        has_must_nots: Whether any must-not-link stands in the graph.
        has_quarantined: Whether any value of the graph is quarantined.
        nodes: What is known of each identity that was asked for.
        tick: The store's count of changes when it was taken, or its conditions were compared last: as long as
            that stands, so do they.
        rests_on: Number of the newest group that anything asked for was changed by.
    """

    __slots__ = (
        "_profiles",
        "earlier",
        "graph",
        "has_must_nots",
        "has_quarantined",
        "nodes",
        "rests_on",
        "tick",
    )

    def __init__(
        self,
        graph: ResidentGraph,
        nodes: Mapping[Identity, IdentityNode | None],
        tick: int,
        rests_on: int,
        earlier: JournalEntry | None,
    ) -> None:
        self.graph = graph
        self.has_must_nots = graph.has_must_nots
        self.has_quarantined = graph.has_quarantined
        self.tick = tick
        self.rests_on = rests_on
        self.earlier = earlier
        self.nodes = nodes
        self._profiles: dict[Mpid, _ProfileView | None] = {}

    def holders(self, identity: Identity) -> IdentityNode | None:
        """Give the holders of an identity that was asked for."""
        return self.nodes[identity]

    def profile(self, mpid: Mpid) -> _ProfileView | None:
        """Give a live profile."""
        if mpid not in self._profiles:
            node = self.graph.live(mpid)
            self._profiles[mpid] = None if node is None else _ProfileView(self.graph, node)
        return self._profiles[mpid]

    def node(self, mpid: Mpid) -> ProfileNode | None:
        """Give a live profile as it was seen, or else as it is."""
        seen = self._profiles.get(mpid)
        return self.graph.live(mpid) if seen is None else seen.node

    def must_nots(self, identity: Identity) -> Sequence[MustNot]:
        """Give the must-not-links that name an identity that was asked for."""
        node = self.nodes[identity]
        return () if node is None else self.graph.must_nots(node.identity_id)

    def flags(self, identity: Identity) -> Mapping[Flag, int]:
        """Give the flags of an identity that was asked for."""
        node = self.nodes[identity]
        return {} if node is None else self.graph.flags(node.identity_id)

    def aliases(self, mpid: Mpid) -> Sequence[AliasRecord]:
        """Give the alias requests that name a profile."""
        return self.graph.alias_records(mpid)
