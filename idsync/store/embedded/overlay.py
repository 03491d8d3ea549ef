"""The resident graphs of a store: views are taken here, and change sets staged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, cast

from idsync.model.changes import ChangeSet
from idsync.model.identity import GraphKey, Identity, Mpid, TypeSet
from idsync.model.journal import NEW, ChangeKind, JournalEntry
from idsync.model.standing import Newcomer, Standing
from idsync.model.view import GraphView, ViewRequest
from idsync.store.birth import Birth, birth_of, welcomed
from idsync.store.codec import from_stored, to_stored
from idsync.store.embedded.conditions import versions_hold
from idsync.store.embedded.group import Group, NewIdentity
from idsync.store.embedded.loader import Loader
from idsync.store.embedded.membership import Membership
from idsync.store.embedded.nodes import IdentityNode
from idsync.store.embedded.recent_keys import RecentKeys
from idsync.store.embedded.resident import ResidentGraph
from idsync.store.embedded.view import EmbeddedView
from idsync.store.minting import MpidMint
from idsync.store.rows import StoredEntry

__all__ = ["Overlay"]

_CREATED: Final = ChangeKind.PROFILE_CREATED
_MAX_SLACK: Final = 1_024
"""Nodes that may be resident beyond what there is room for; so many leave in about a millisecond."""


class _Ids(dict[Identity, int]):
    """Ids of the identities of one entry, each looked up once: an entry names most of them twice."""

    def __init__(self, look_up: Callable[[Identity], int]) -> None:
        self._look_up = look_up

    def __missing__(self, identity: Identity) -> int:
        found = self[identity] = self._look_up(identity)
        return found


class Overlay:
    """Everything that is in memory; synchronous, so that what it shows cannot change while one looks.

    Args:
        loader: Reads what is not resident.
        clock: Gives the time in UTC milliseconds.
        cache_identities: How many identities stay resident.
        login_sets: Login types by scope name.
    """

    def __init__(
        self,
        loader: Loader,
        *,
        clock: Callable[[], int],
        cache_identities: int,
        login_sets: Mapping[str, TypeSet],
    ) -> None:
        self._loader = loader
        self._clock = clock
        self._keep = cache_identities
        self._login_sets = login_sets
        self._last_identity_id, last_mpid = loader.last_numbers()
        self._mint = MpidMint(clock, last_mpid)
        self._tick = 0
        self._slack = min(cache_identities // 64, _MAX_SLACK)
        self._grown = 0
        self._removal_group = 0
        self._tables_contain = 0
        self._memberships: dict[GraphKey, Membership] = {}
        self._graphs: dict[GraphKey, ResidentGraph] = {}
        self._keys = RecentKeys()
        for key, graph_id in loader.graphs().items():
            self._memberships[key] = Membership(is_complete=False)
            self._graphs[key] = self._resident(key, graph_id)
        self._last_graph_id = max((graph.graph_id for graph in self._graphs.values()), default=0)

    def _resident(self, key: GraphKey, graph_id: int) -> ResidentGraph:
        return ResidentGraph(
            graph_id,
            self._loader,
            # a graph that is not in the tables is known whole from its beginning
            self._memberships.setdefault(key, Membership(is_complete=True)),
            seq=self._loader.last_seq(graph_id),
            login_set=self._login_sets.get(key.scope, 0),
        )

    def memberships(self) -> dict[int, Membership]:
        """Give the memberships that do not know yet what the tables contain, by the graph's number."""
        return {
            graph.graph_id: self._memberships[key]
            for key, graph in self._graphs.items()
            if not self._memberships[key].is_complete
        }

    # -- looking -------------------------------------------------------------------------------------------

    def views(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        """Take a look for each request; what is missing is read for all of them together."""
        if self._grown > self._slack:
            self._sweep()
        missing: dict[GraphKey, dict[Identity, bytes]] = {}
        for request in wanted:
            absent = self._graph(request.graph).missing(request.identities)
            if absent:
                missing.setdefault(request.graph, {}).update(absent)
        for key, identities in missing.items():
            self._graphs[key].load(identities)
            self._grown += len(identities)
        return [cast("GraphView", self._view(request)) for request in wanted]

    def standing(self, wanted: ViewRequest) -> Standing | None:
        """Say where a call stands, if nobody has its values, or a resident birth brought just these."""
        if self._grown > self._slack:
            self._sweep()
        return self._graph(wanted.graph).standing(wanted)

    def _view(self, request: ViewRequest) -> EmbeddedView:
        graph = self._graph(request.graph)
        graph.split_by(request.login_set)
        rests_on = 0
        nodes: dict[Identity, IdentityNode | None] = {}
        for identity in request.identities:
            node = nodes[identity] = graph.find(identity)
            group = self._removal_group if node is None else node.group
            if group > rests_on:  # noqa: PLR1730 - a call of max takes as long as all else here
                rests_on = group
        for mpid in request.profiles:
            profile = graph.live(mpid)
            rests_on = max(rests_on, self._removal_group if profile is None else profile.group)
        earlier = None
        if request.idempotency_key is not None:
            earlier, group = self._earlier(request, graph)
            rests_on = max(rests_on, group)
        return EmbeddedView(graph, nodes, self._tick, rests_on, earlier)

    def _earlier(self, request: ViewRequest, graph: ResidentGraph) -> tuple[JournalEntry | None, int]:
        assert request.idempotency_key is not None
        name = (graph.graph_id, request.input_id, request.idempotency_key)
        entry, group = self._keys.get(name) or (self._loader.entry_by_key(*name), 0)
        return (None if entry is None else from_stored(request.graph, entry, graph.value_of)), group

    def _graph(self, key: GraphKey) -> ResidentGraph:
        """Give a graph, a new one if need be: it is written with its first entry."""
        graph = self._graphs.get(key)
        if graph is None:
            self._last_graph_id += 1
            graph = self._graphs[key] = self._resident(key, self._last_graph_id)
        return graph

    def begun(self, key: GraphKey) -> ResidentGraph | None:
        """Give a graph that has an entry, on disk or not."""
        graph = self._graphs.get(key)
        return graph if graph is not None and graph.seq else None

    @property
    def last_identity_id(self) -> int:
        """The greatest id that an identity has been given."""
        return self._last_identity_id

    def graph_of(self, mpids: Collection[Mpid]) -> dict[Mpid, GraphKey]:
        """Say which graph each MPID belongs to."""
        found: dict[Mpid, GraphKey] = {}
        names = {graph.graph_id: key for key, graph in self._graphs.items()}
        for mpid in mpids:
            for key, graph in self._graphs.items():
                if mpid in graph:
                    found[mpid] = key
                    break
            else:
                graph_id = self._loader.graph_of(mpid)
                if graph_id is not None:
                    found[mpid] = names[graph_id]
        return found

    # -- changing ------------------------------------------------------------------------------------------

    def holds(self, change_set: ChangeSet) -> bool:
        """Say whether every condition of a change set still holds."""
        view = cast("EmbeddedView", change_set.view)
        if view.tick == self._tick:
            return True
        graph = self._graph(change_set.graph)
        if view.graph is not graph:
            # all was rebuilt since, and what is void may have had the same positions as what now stands
            return False
        if versions_hold(change_set, view) and (
            change_set.idempotency_key is None or not self._is_used(change_set, graph)
        ):
            view.tick = self._tick
            return True
        return False

    def _is_used(self, change_set: ChangeSet, graph: ResidentGraph) -> bool:
        assert change_set.idempotency_key is not None
        name = (graph.graph_id, change_set.input_id, change_set.idempotency_key)
        return name in self._keys or self._loader.entry_by_key(*name) is not None

    def rests_on(self, change_set: ChangeSet) -> int:
        """Give the number of the group that an answer without changes rests on; 0: the tables contain it."""
        return self.newest(cast("EmbeddedView", change_set.view).rests_on)

    def newest(self, number: int) -> int:
        """Give the number of a group unless the tables contain it; then 0."""
        return number if number > self._tables_contain else 0

    def stage(self, change_set: ChangeSet, group: Group) -> StoredEntry | Birth:
        """Add a change set to what is resident and to the group that brings it to disk."""
        graph = self._graph(change_set.graph)
        if graph.seq == 0:
            group.graphs.append((graph.graph_id, change_set.graph))
        mpid = change_set.mpid
        if mpid == NEW and change_set.changes[0].kind is _CREATED:
            mpid = self._mint.next()
        at_ms = self._clock()
        birth = birth_of(change_set, graph.seq + 1, at_ms, mpid, self._last_identity_id + 1)
        if birth is not None:
            return self._stage_birth(graph, birth, group)
        introduced: list[NewIdentity] = []

        def look_up(identity: Identity) -> int:
            node = graph.seek(identity)
            if node is None:
                self._last_identity_id += 1
                node = graph.introduce(self._last_identity_id, identity)
                introduced.append(NewIdentity(graph.graph_id, node.identity_id, node.type, identity.value))
            return node.identity_id

        entry = to_stored(change_set, graph.seq + 1, at_ms, mpid, _Ids(look_up).__getitem__)
        self._stage(graph, entry, group.number)
        self._grown += len(introduced)
        group.identities += introduced
        group.entries.append((graph.graph_id, entry))
        return entry

    def welcome(self, newcomer: Newcomer, group: Group) -> Birth:
        """Add somebody whose values nobody has or had, likewise."""
        graph = self._graph(newcomer.graph)
        if graph.seq == 0:
            group.graphs.append((graph.graph_id, newcomer.graph))
        birth = welcomed(
            newcomer, graph.seq + 1, self._clock(), self._mint.next(), self._last_identity_id + 1
        )
        return self._stage_birth(graph, birth, group)

    def _stage_birth(self, graph: ResidentGraph, birth: Birth, group: Group) -> Birth:
        self._last_identity_id += len(birth.types)
        self._tick += 1
        self._grown += len(birth.types) or 1
        graph.stage_birth(birth, group.number)
        group.entries.append((graph.graph_id, birth))
        return birth

    def _stage(self, graph: ResidentGraph, entry: StoredEntry, number: int) -> None:
        self._tick += 1
        self._grown += 1
        if graph.stage(entry, number):
            self._removal_group = number
        self._keys.note(graph.graph_id, entry, number)

    def rebuild(self, groups: Iterable[Group]) -> None:
        """Forget everything resident, then add the groups that stand and are not in the tables yet."""
        self._tick += 1
        self._keys.clear()
        written = self._loader.graphs()
        for graph in self._graphs.values():
            graph.let_go()
        self._graphs = {key: self._resident(key, graph_id) for key, graph_id in written.items()}
        for group in groups:
            for graph_id, key in group.graphs:
                if key not in self._graphs:
                    self._graphs[key] = self._resident(key, graph_id)
            by_number = {graph.graph_id: (key, graph) for key, graph in self._graphs.items()}
            identities: defaultdict[int, list[NewIdentity]] = defaultdict(list)
            for new in group.identities:
                identities[new.graph_id].append(new)
            for graph_id, news in identities.items():
                by_number[graph_id][1].reintroduce(news, group.number)
            for graph_id, entry in group.entries:
                key, graph = by_number[graph_id]
                if entry.seq <= graph.seq:
                    continue
                if isinstance(entry, Birth):
                    graph.stage_birth(entry, group.number)
                else:
                    self._stage(graph, entry, group.number)

    def folded(self, number: int) -> None:
        """Note that the tables contain everything up to a group: its nodes may be dropped."""
        self._tables_contain = number
        self._keys.forget(number)
        for graph in self._graphs.values():
            graph.drop_aliases(number)

    def _sweep(self) -> None:
        """Make room; as long as little was added since the last time there is nothing to do."""
        resident = sum(map(len, self._graphs.values()))
        # what is not in the tables yet must stay: it is looked at again, but not at every call
        self._grown = 0 if resident <= self._keep else max(self._slack // 2, 1)
        if resident > self._keep:
            for graph in self._graphs.values():
                graph.sweep(self._keep * len(graph) // resident, self._tables_contain)
