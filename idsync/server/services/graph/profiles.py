"""Profiles as they are, alone, by an identity, and with what is around them."""

from __future__ import annotations

from typing import Final

from idsync.model.errors import NotFoundError
from idsync.model.identity import Identity, Mpid
from idsync.resolve.neighborhood import Neighbors
from idsync.server.call import Call
from idsync.server.services.graph.sight import Sight
from idsync.server.wire.convert_radar import neighborhood_to_wire
from idsync.server.wire.faults import bound_of, identity_from_wire, refuse
from idsync.server.wire.pages import page_of
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import neighborhood_pb2

__all__ = ["Profiles"]

_MAX_MPIDS: Final = 1_000
_PROFILES: Final = {"default": 50, "most": 100}
_HOPS: Final = {"default": 2, "most": 6}
_AROUND: Final = {"default": 50, "most": 200}


class Profiles(Sight):
    """Part of `GraphService`."""

    _neighbors: Neighbors

    async def get_profile(self, request: pb.GetProfileRequest, call: Call) -> pb.GetProfileResponse:
        """Show one profile, an erased one too (ID-250)."""
        found = await self._visible([request.mpid], call.caller)
        if request.mpid not in found:
            raise NotFoundError("no such profile")
        return pb.GetProfileResponse(profile=self._message(found[request.mpid]))

    async def batch_get_profiles(
        self, request: pb.BatchGetProfilesRequest, call: Call
    ) -> pb.BatchGetProfilesResponse:
        """Show many profiles (ID-252)."""
        if len(request.mpids) > _MAX_MPIDS:
            raise refuse([("mpids", f"has more than {_MAX_MPIDS} MPIDs")])
        found = await self._visible(request.mpids, call.caller)
        return pb.BatchGetProfilesResponse(
            profiles=[self._message(found[mpid]) for mpid in request.mpids if mpid in found],
            unknown_mpids=[mpid for mpid in request.mpids if mpid not in found],
        )

    async def find_profiles(self, request: pb.FindProfilesRequest, call: Call) -> pb.FindProfilesResponse:
        """Show all profiles that hold an identity, newest first."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        identity = identity_from_wire("identity", request.identity)
        page = page_of(
            request.page_size,
            request.page_token,
            **_PROFILES,
            question=("profiles", tuple(graph), tuple(identity)),
        )
        mpids = await self._store.find_profiles(graph, identity, page.size + 1, page.cursor)
        found = await self._store.profiles(graph, mpids[: page.size])
        shown = [found[mpid] for mpid in mpids[: page.size] if mpid in found]
        answer = pb.FindProfilesResponse(profiles=map(self._message, shown))
        if len(mpids) > page.size and shown:
            answer.next_page_token = page.token(shown[-1].recency)
        return answer

    async def get_neighborhood(
        self, request: neighborhood_pb2.GetNeighborhoodRequest, call: Call
    ) -> neighborhood_pb2.GetNeighborhoodResponse:
        """Show what is around a profile or an identity."""
        call.caller.require_reader()
        hops = bound_of("max_hops", request.max_hops, **_HOPS)
        most = bound_of("max_profiles", request.max_profiles, **_AROUND)
        start: Identity | Mpid
        if request.WhichOneof("start") == "mpid":
            start = request.mpid
            graphs = await self._graphs([start], call.caller)
            if start not in graphs:
                raise NotFoundError("no such profile")
            graph = graphs[start]
        else:
            graph = self._reach.graph(call.caller, request.scope, request.environment)
            start = identity_from_wire("identity", request.identity)
        policy = self._reach.scope(graph).policy
        around = await self._neighbors.around(graph, start, policy.login_set, hops, most)
        return neighborhood_to_wire(around, policy)
