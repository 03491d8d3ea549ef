"""GraphService: shows the graph and its history to those who may read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Final

from idsync.config.candidate import parse_candidate
from idsync.model.errors import ConfigurationError, NotFoundError
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.profile import Profile
from idsync.preview.previewer import Previewer
from idsync.resolve.explain import Explainer
from idsync.resolve.neighborhood import Neighbors
from idsync.server.admission.caller import Caller
from idsync.server.admission.reach import Reach
from idsync.server.call import Call
from idsync.server.drain import Drain
from idsync.server.wire.convert_graph import (
    entry_to_wire,
    explanation_to_wire,
    holding_to_wire,
    profile_to_wire,
)
from idsync.server.wire.convert_preview import preview_to_wire
from idsync.server.wire.convert_radar import neighborhood_to_wire
from idsync.server.wire.convert_reasoning import call_from_wire
from idsync.server.wire.faults import MAX_ID_CHARS, bound_of, identity_from_wire, refuse
from idsync.server.wire.pages import page_of
from idsync.server.wire.then import then_from_wire
from idsync.store.protocol import Store
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import identity_pb2, neighborhood_pb2
from idsync.v1.preview_pb2 import PreviewStrategyRequest, PreviewStrategyResponse

__all__ = ["GraphService"]

_MAX_MPIDS: Final = 1_000
_PROFILES: Final = {"default": 50, "most": 100}
_ENTRIES: Final = {"default": 100, "most": 1_000}
_HOPS: Final = {"default": 2, "most": 6}
_AROUND: Final = {"default": 50, "most": 200}
_READ_AHEAD: Final = 256


class GraphService:
    """Answers operators, and inputs with `may_read` about their own scope.

    What an input may not see looks to it exactly like what does not exist.
    """

    def __init__(
        self,
        store: Store,
        explainer: Explainer,
        reach: Reach,
        drain: Drain,
        clock: Callable[[], int],
        previewer: Previewer,
    ) -> None:
        self._previewer = previewer
        self._store = store
        self._neighbors = Neighbors(store)
        self._explainer = explainer
        self._reach = reach
        self._drain = drain
        self._clock = clock

    # -- profiles ------------------------------------------------------------------------------------------

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

    # -- the past ------------------------------------------------------------------------------------------

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
            **_ENTRIES,
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

    # -- history -------------------------------------------------------------------------------------------

    async def explain(self, request: pb.ExplainRequest, call: Call) -> pb.ExplainResponse:
        """Say why two things belong together, or why a request had its answer."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        match request.WhichOneof("subject"):
            case "identities":
                explanation = await self._explainer.identities(
                    graph,
                    identity_from_wire("identities.first", request.identities.first),
                    identity_from_wire("identities.second", request.identities.second),
                )
            case "identity_on_profile":
                subject = request.identity_on_profile
                identity = identity_from_wire("identity_on_profile.identity", subject.identity)
                explanation = await self._explainer.identity_on_profile(graph, identity, subject.mpid)
            case "request_id":
                if not 0 < len(request.request_id) <= MAX_ID_CHARS:
                    raise refuse([("request_id", f"must have 1 to {MAX_ID_CHARS} characters")])
                explanation = await self._explainer.request(graph, request.request_id)
            case "call":
                wanted = call_from_wire(graph, request.call)
                explanation = await self._explainer.call(wanted)
            case _:
                raise refuse([("subject", "is missing")])
        return explanation_to_wire(explanation)

    async def list_journal(self, request: pb.ListJournalRequest, call: Call) -> pb.ListJournalResponse:
        """Show the journal of a graph, oldest first."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        mpid = request.mpid if request.HasField("mpid") else None
        after = _after(request.after_seq)
        page = page_of(
            request.page_size, request.page_token, **_ENTRIES, question=("journal", tuple(graph), mpid)
        )
        after = after if page.cursor is None else page.cursor
        entries = await self._store.entries(graph, after, page.size + 1, mpid)
        answer = pb.ListJournalResponse()
        for entry in entries[: page.size]:
            entry_to_wire(answer.entries.add(), entry)
        if len(entries) > page.size:
            answer.next_page_token = page.token(entries[page.size - 1].seq)
        return answer

    async def watch_changes(
        self, request: pb.WatchChangesRequest, call: Call
    ) -> AsyncGenerator[pb.WatchChangesResponse, None]:
        """Follow the journal of a graph; each entry once, in order (ID-251)."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        changes = self._store.changes(graph, _after(request.after_seq))
        async for entries in self._drain.waiting(changes, _READ_AHEAD):
            for entry in entries:
                answer = pb.WatchChangesResponse()
                entry_to_wire(answer.entry, entry)
                yield answer

    # -- what if -------------------------------------------------------------------------------------------

    async def preview_strategy(
        self, request: PreviewStrategyRequest, call: Call
    ) -> AsyncGenerator[PreviewStrategyResponse, None]:
        """Replay the recorded calls of a graph with other settings; to cancel the call ends the replay."""
        call.caller.require_operator()
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        if request.until_seq < 0:
            raise refuse([("until_seq", "is negative")])
        try:
            candidate = parse_candidate(request.candidate, graph.scope)
        except ConfigurationError as error:
            raise refuse([("candidate", fault) for fault in error.faults or [error.message]]) from error
        replay = self._previewer.preview(graph, candidate, request.until_seq)
        async for answers in self._drain.waiting(replay, _READ_AHEAD):
            for answer in answers:
                yield preview_to_wire(answer)


def _after(seq: int) -> int:
    if seq < 0:
        raise refuse([("after_seq", "is negative")])
    return seq
