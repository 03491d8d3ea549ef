"""Profiles and holders as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from idsync.model.errors import NotFoundError
from idsync.server.call import Call
from idsync.server.services.graph.sight import Sight
from idsync.server.wire.convert_graph import holding_to_wire
from idsync.server.wire.faults import identity_from_wire
from idsync.server.wire.pages import page_of
from idsync.server.wire.then import then_from_wire
from idsync.v1 import graph_service_pb2 as pb

__all__ = ["Past"]

_PROFILES: Final = {"default": 50, "most": 100}
_HOLDINGS: Final = {"default": 100, "most": 1_000}


class Past(Sight):
    """Part of `GraphService`."""

    _clock: Callable[[], int]

    async def get_profile_at(self, request: pb.GetProfileAtRequest, call: Call) -> pb.GetProfileAtResponse:
        """Show one profile as it was; an erased one as erased (ID-212, ID-250)."""
        call.caller.require_reader()
        then = then_from_wire(request, self._clock())
        graphs = await self._graphs([request.mpid], call.caller)
        if request.mpid not in graphs:
            raise NotFoundError("no such profile")
        graph = graphs[request.mpid]
        moment = then.after(await self._store.last_seq(graph))
        found = await self._store.profiles_at(graph, [request.mpid], moment)
        if request.mpid not in found:
            raise NotFoundError("there was no such profile yet")
        return pb.GetProfileAtResponse(profile=self._message(found[request.mpid]), journal_seq=moment.seq)

    async def find_profiles_at(
        self, request: pb.FindProfilesAtRequest, call: Call
    ) -> pb.FindProfilesAtResponse:
        """Show all profiles that held an identity then, greatest MPID first."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        identity = identity_from_wire("identity", request.identity)
        then = then_from_wire(request, self._clock())
        page = page_of(
            request.page_size,
            request.page_token,
            **_PROFILES,
            question=("profiles then", tuple(graph), tuple(identity), tuple(then)),
        )
        moment = then.after(await self._store.last_seq(graph))
        mpids = await self._store.find_profiles_at(graph, identity, moment, page.size + 1, page.cursor)
        shown = mpids[: page.size]
        found = await self._store.profiles_at(graph, shown, moment)
        # somebody may be erased between one look and the other
        profiles = [found[mpid] for mpid in shown if mpid in found and not found[mpid].erased]
        answer = pb.FindProfilesAtResponse(profiles=map(self._message, profiles), journal_seq=moment.seq)
        if len(mpids) > page.size:
            answer.next_page_token = page.token(shown[-1])
        return answer

    async def list_holders(self, request: pb.ListHoldersRequest, call: Call) -> pb.ListHoldersResponse:
        """Show from when to when each profile held an identity, but for those erased since (ID-212)."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        identity = identity_from_wire("identity", request.identity)
        page = page_of(
            request.page_size,
            request.page_token,
            **_HOLDINGS,
            question=("holders", tuple(graph), tuple(identity)),
        )
        links = await self._store.links_of(graph, identity, page.size + 1, page.cursor or 0)
        shown = links[: page.size]
        bounds = {link.since_seq for link in shown} | {link.until_seq for link in shown if link.until_seq}
        entries = await self._store.entries_at(graph, bounds)
        found = await self._store.profiles(graph, {link.mpid for link in shown})
        answer = pb.ListHoldersResponse()
        for link in shown:
            if link.mpid in found and not found[link.mpid].erased:
                holding_to_wire(answer.holdings.add(), link, entries)
        if len(links) > page.size:
            answer.next_page_token = page.token(shown[-1].since_seq)
        return answer
