"""RadarService: what single values hold together, and which are taken away from finding."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from idsync.model.flag import ALARMS, Flag
from idsync.model.identity import GraphKey
from idsync.resolve.flagged import FlaggedValue, Flags
from idsync.resolve.radar import Radar
from idsync.resolve.resolver import Resolver
from idsync.resolve.watch import DAY_MS
from idsync.server.admission.reach import Reach
from idsync.server.call import Call
from idsync.server.wire.convert_quarantine import (
    alarm_to_wire,
    quarantine_from_wire,
    quarantined_to_wire,
    to_quarantine_response,
    to_release_response,
)
from idsync.server.wire.convert_radar import assessment_to_wire
from idsync.server.wire.faults import identity_from_wire
from idsync.server.wire.pages import Page, page_of
from idsync.v1 import radar_service_pb2 as pb

__all__ = ["RadarService"]

_MOST: Final = 100


class RadarService:
    """Answers operators, and inputs with `may_read` about their own scope; only operators change anything."""

    def __init__(self, radar: Radar, flags: Flags, resolver: Resolver, reach: Reach) -> None:
        self._radar = radar
        self._flags = flags
        self._resolver = resolver
        self._reach = reach

    async def get_collapse_risk(
        self, request: pb.GetCollapseRiskRequest, call: Call
    ) -> pb.GetCollapseRiskResponse:
        """Say what a value holds together, and how fast that grows."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        identity = identity_from_wire("identity", request.identity)
        return assessment_to_wire(await self._radar.assess(graph, identity, self._reach.scope(graph).policy))

    async def quarantine(self, request: pb.QuarantineRequest, call: Call) -> pb.QuarantineResponse:
        """Take a value away from finding."""
        call.caller.require_operator()
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        return to_quarantine_response(await self._resolver.quarantine(quarantine_from_wire(request, graph)))

    async def release(self, request: pb.ReleaseRequest, call: Call) -> pb.ReleaseResponse:
        """Give a value back to finding."""
        call.caller.require_operator()
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        wanted = quarantine_from_wire(request, graph, release=True)
        return to_release_response(await self._resolver.quarantine(wanted))

    async def list_quarantined(
        self, request: pb.ListQuarantinedRequest, call: Call
    ) -> pb.ListQuarantinedResponse:
        """List what is quarantined."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        page = page_of(
            request.page_size,
            request.page_token,
            default=_MOST,
            most=_MOST,
            question=("quarantined", tuple(graph)),
        )
        values = await self._page(graph, {Flag.QUARANTINE}, page)
        answer = pb.ListQuarantinedResponse(quarantined=map(quarantined_to_wire, values[: page.size]))
        if len(values) > page.size:
            answer.next_page_token = page.token(values[page.size - 1].flagged.seq)
        return answer

    async def list_alarms(self, request: pb.ListAlarmsRequest, call: Call) -> pb.ListAlarmsResponse:
        """List the values above a limit."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        page = page_of(
            request.page_size,
            request.page_token,
            default=_MOST,
            most=_MOST,
            question=("alarms", tuple(graph)),
        )
        values = await self._page(graph, ALARMS, page)
        shown = values[: page.size]
        growth = await self._radar.growth_of(graph, {each.flagged.identity for each in shown}, DAY_MS)
        answer = pb.ListAlarmsResponse(
            alarms=[alarm_to_wire(each, growth[each.flagged.identity]) for each in shown]
        )
        if len(values) > page.size:
            answer.next_page_token = page.token(shown[-1].flagged.seq)
        return answer

    async def _page(self, graph: GraphKey, flags: Collection[Flag], page: Page) -> list[FlaggedValue]:
        login = self._reach.scope(graph).policy.login_set
        return await self._flags.standing(graph, flags, login, page.size + 1, page.cursor or 0)
