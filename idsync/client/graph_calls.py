"""What a client asks about the graph: profiles, explanations, the journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from google.protobuf.message import Message

from idsync.client.caller import Caller
from idsync.client.credentials import Credentials
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import neighborhood_pb2 as neighborhood
from idsync.v1 import preview_pb2 as preview

__all__ = ["GraphCalls"]


class GraphCalls:
    """The calls of `GraphService`; part of `AsyncClient`."""

    _caller: Caller

    async def get_profile(
        self,
        request: graph.GetProfileRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.GetProfileResponse:
        """Show one profile by MPID."""
        return await self._caller.call(graph.GetProfileResponse, request, credentials, timeout_s)

    async def batch_get_profiles(
        self,
        request: graph.BatchGetProfilesRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.BatchGetProfilesResponse:
        """Show up to 1,000 profiles by MPID."""
        return await self._caller.call(graph.BatchGetProfilesResponse, request, credentials, timeout_s)

    async def find_profiles(
        self,
        request: graph.FindProfilesRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.FindProfilesResponse:
        """Show the profiles that hold one identity, newest first, by pages."""
        return await self._caller.call(graph.FindProfilesResponse, request, credentials, timeout_s)

    async def get_profile_at(
        self,
        request: graph.GetProfileAtRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.GetProfileAtResponse:
        """Show one profile as it was at a moment, as known at a position of the journal, or both."""
        return await self._caller.call(graph.GetProfileAtResponse, request, credentials, timeout_s)

    async def find_profiles_at(
        self,
        request: graph.FindProfilesAtRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.FindProfilesAtResponse:
        """Show the profiles that held one identity then, greatest MPID first, by pages."""
        return await self._caller.call(graph.FindProfilesAtResponse, request, credentials, timeout_s)

    async def list_holders(
        self,
        request: graph.ListHoldersRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.ListHoldersResponse:
        """Show from when to when each profile held one identity, oldest first, by pages."""
        return await self._caller.call(graph.ListHoldersResponse, request, credentials, timeout_s)

    async def get_neighborhood(
        self,
        request: neighborhood.GetNeighborhoodRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> neighborhood.GetNeighborhoodResponse:
        """Show the profiles and identities around one profile or identity, within bounds."""
        return await self._caller.call(neighborhood.GetNeighborhoodResponse, request, credentials, timeout_s)

    async def explain(
        self,
        request: graph.ExplainRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.ExplainResponse:
        """Ask why two things belong together, or why a request had its answer."""
        return await self._caller.call(graph.ExplainResponse, request, credentials, timeout_s)

    async def list_journal(
        self,
        request: graph.ListJournalRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.ListJournalResponse:
        """Show the journal of one graph, oldest first, by pages."""
        return await self._caller.call(graph.ListJournalResponse, request, credentials, timeout_s)

    def watch_changes(
        self, request: graph.WatchChangesRequest, *, credentials: Credentials | None = None
    ) -> AsyncIterator[graph.WatchChangesResponse]:
        """Follow the journal of one graph; after an error, ask again from the last `seq` that was seen."""
        return self._caller.stream(graph.WatchChangesResponse, _one(request), credentials)

    def preview_strategy(
        self, request: preview.PreviewStrategyRequest, *, credentials: Credentials | None = None
    ) -> AsyncIterator[preview.PreviewStrategyResponse]:
        """Replay recorded calls with other settings: how far it is, then the report."""
        return self._caller.stream(preview.PreviewStrategyResponse, _one(request), credentials)


async def _one(request: Message) -> AsyncGenerator[Message, None]:
    yield request
