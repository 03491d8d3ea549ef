"""What of a graph a caller may see."""

from __future__ import annotations

from collections.abc import Iterable

from idsync.model.identity import GraphKey, Mpid
from idsync.model.profile import Profile
from idsync.server.admission.caller import Caller
from idsync.server.admission.reach import Reach
from idsync.server.wire.convert_graph import profile_to_wire
from idsync.store.protocol import Store
from idsync.v1 import identity_pb2

__all__ = ["Sight"]


class Sight:
    """Part of `GraphService`: what an input may not see looks to it exactly like what does not exist."""

    _store: Store
    _reach: Reach

    async def _visible(self, mpids: Iterable[Mpid], caller: Caller) -> dict[Mpid, Profile]:
        asked: dict[GraphKey, list[Mpid]] = {}
        for mpid, graph in (await self._graphs(mpids, caller)).items():
            asked.setdefault(graph, []).append(mpid)
        found: dict[Mpid, Profile] = {}
        for graph, members in asked.items():
            found |= await self._store.profiles(graph, members)
        return found

    async def _graphs(self, mpids: Iterable[Mpid], caller: Caller) -> dict[Mpid, GraphKey]:
        caller.require_reader()
        graphs = await self._store.graph_of(set(mpids))
        return {mpid: graph for mpid, graph in graphs.items() if self._reach.shows(caller, graph)}

    def _message(self, profile: Profile) -> identity_pb2.Profile:
        message = identity_pb2.Profile()
        profile_to_wire(message, profile, self._reach.scope(profile.graph).policy)
        return message
