"""The collapse radar: what one value holds together, and how fast that grows.

A device in a shop, a default that an app sends for everybody: each call with it is sound, and yet strangers
come together, one by one. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from idsync.model.identity import GraphKey, Identity, Mpid, type_set
from idsync.model.policy import Policy
from idsync.model.profile import Profile
from idsync.resolve.neighborhood import Neighborhood, Neighbors
from idsync.store.protocol import Store

__all__ = [
    "MAX_NAMED",
    "MAX_PROFILES",
    "WINDOWS_MS",
    "Assessment",
    "Growth",
    "Part",
    "Radar",
    "Tie",
    "assess",
]

MAX_PROFILES: Final = 500
"""Profiles that are looked at around a value."""
MAX_NAMED: Final = 100
"""Parts, other values and ties that are named; how many there are is said."""
WINDOWS_MS: Final = (3_600_000, 86_400_000, 7 * 86_400_000, 30 * 86_400_000)
"""An hour, a day, a week and thirty days."""
_HOPS: Final = 8
_COUNTED: Final = 10_000
"""Holdings that are counted in one window."""


class Growth(NamedTuple):
    """How many profiles got a value within the last `within_ms` milliseconds.

    Attributes:
        is_least: Counting ended there, and there are more.
    """

    within_ms: int
    added: int
    is_least: bool


class Part(NamedTuple):
    """Some profiles that belong together."""

    known: int
    anonymous: int


class Tie(NamedTuple):
    """The only thing that connects the profiles on one side of it with those on the other."""

    identity: Identity
    mpid: Mpid


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a value is to the profiles around it.

    Attributes:
        known: Known profiles that have it on the record: who would be one person if it named a person.
        anonymous: Anonymous ones.
        growth: By window, the shortest first.
        connected: All that are connected with it by whatever values they share, itself included, as far as it
            was looked.
        is_whole: Whether that is all of them.
        parts: What they fall into without the value, the largest first: more than one, and it holds strangers
            together.
        part_count: How many parts there are.
        pivots: Other values of which the same can be said, the most popular first.
        pivot_count: How many there are.
        ties: Links that alone connect those on both sides.
        tie_count: How many there are.
    """

    known: int
    anonymous: int
    growth: tuple[Growth, ...]
    connected: Part
    is_whole: bool
    parts: tuple[Part, ...]
    part_count: int
    pivots: tuple[Identity, ...]
    pivot_count: int
    ties: tuple[Tie, ...]
    tie_count: int


class Radar:
    """Assesses values of the graphs of a store.

    Args:
        store: Where the graphs live.
        clock: UTC milliseconds.
    """

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._neighbors = Neighbors(store)
        self._clock = clock

    async def assess(self, graph: GraphKey, identity: Identity, policy: Policy) -> Assessment:
        """Look at a value now; one that nobody has is on no records and connects nobody."""
        around = await self._neighbors.around(graph, identity, policy.login_set, _HOPS, MAX_PROFILES)
        now_ms = self._clock()
        growth = [await self._growth(graph, identity, now_ms, within_ms) for within_ms in WINDOWS_MS]
        return assess(identity, around, policy, growth)

    async def growth_of(
        self, graph: GraphKey, identities: Iterable[Identity], within_ms: int
    ) -> dict[Identity, Growth]:
        """Count how many profiles got each of some values within so many milliseconds."""
        after = await self._last_before(graph, self._clock() - within_ms)
        return {identity: await self._since(graph, identity, after, within_ms) for identity in identities}

    async def _growth(self, graph: GraphKey, identity: Identity, now_ms: int, within_ms: int) -> Growth:
        after = await self._last_before(graph, now_ms - within_ms)
        return await self._since(graph, identity, after, within_ms)

    async def _since(self, graph: GraphKey, identity: Identity, after: int, within_ms: int) -> Growth:
        links = await self._store.links_of(graph, identity, _COUNTED + 1, after)
        return Growth(within_ms, min(len(links), _COUNTED), len(links) > _COUNTED)

    async def _last_before(self, graph: GraphKey, at_ms: int) -> int:
        """Find the last entry before a moment, by halves: positions are dense, and times rise with them.

        Where a clock was set back, the entries around that place are counted to one side of it.
        """
        low, high = 0, await self._store.last_seq(graph)
        while low < high:
            middle = (low + high + 1) // 2
            if (await self._store.entries_at(graph, [middle]))[middle].at_ms < at_ms:
                low = middle
            else:
                high = middle - 1
        return low


def assess(identity: Identity, around: Neighborhood, policy: Policy, growth: Iterable[Growth]) -> Assessment:
    """Say what a value holds together in its neighbourhood."""
    import networkx as nx  # noqa: PLC0415 - half a second at start, for what is seldom asked

    network = _network(identity, around)
    connected = nx.node_connected_component(network, identity)
    without = nx.restricted_view(network, [identity], [])
    parts = [
        _part(component & around.profiles.keys(), around.profiles, policy)
        for component in nx.connected_components(
            nx.subgraph_view(without, filter_node=connected.__contains__)
        )
    ]
    parts.sort(reverse=True)
    pivots = sorted(
        (node for node in nx.articulation_points(network) if isinstance(node, Identity) and node != identity),
        key=lambda node: (-around.identities[node].shown, node),
    )
    ties = sorted(Tie(*_ordered(edge)) for edge in nx.bridges(network))
    popularity = around.identities[identity]
    return Assessment(
        known=popularity.known,
        anonymous=popularity.anonymous,
        growth=tuple(growth),
        connected=_part(connected & around.profiles.keys(), around.profiles, policy),
        is_whole=around.is_whole,
        parts=tuple(parts[:MAX_NAMED]),
        part_count=len(parts),
        pivots=tuple(pivots[:MAX_NAMED]),
        pivot_count=len(pivots),
        ties=tuple(ties[:MAX_NAMED]),
        tie_count=len(ties),
    )


def _network(identity: Identity, around: Neighborhood) -> Any:
    """Draw the profiles and the values that connect them; what one profile alone has connects nobody."""
    import networkx as nx  # noqa: PLC0415

    network = nx.Graph()
    network.add_node(identity)
    for mpid, profile in around.profiles.items():
        network.add_node(mpid)
        for recorded in profile.identities:
            popularity = around.identities.get(recorded.identity)
            if recorded.identity == identity or (popularity is not None and popularity.shown > 1):
                network.add_edge(recorded.identity, mpid)
    return network


def _ordered(edge: tuple[Any, Any]) -> tuple[Identity, Mpid]:
    one, other = edge
    return (one, other) if isinstance(one, Identity) else (other, one)


def _part(mpids: Iterable[Mpid], profiles: Any, policy: Policy) -> Part:
    known = anonymous = 0
    for mpid in mpids:
        profile: Profile = profiles[mpid]
        if policy.is_known(type_set(recorded.identity.type for recorded in profile.identities)):
            known += 1
        else:
            anonymous += 1
    return Part(known, anonymous)
