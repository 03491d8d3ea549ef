"""RadarService: what single values hold together."""

from __future__ import annotations

from idsync.resolve.radar import Radar
from idsync.server.admission.reach import Reach
from idsync.server.call import Call
from idsync.server.wire.convert_radar import assessment_to_wire
from idsync.server.wire.faults import identity_from_wire
from idsync.v1 import radar_service_pb2 as pb

__all__ = ["RadarService"]


class RadarService:
    """Answers operators, and inputs with `may_read` about their own scope."""

    def __init__(self, radar: Radar, reach: Reach) -> None:
        self._radar = radar
        self._reach = reach

    async def get_collapse_risk(
        self, request: pb.GetCollapseRiskRequest, call: Call
    ) -> pb.GetCollapseRiskResponse:
        """Say what a value holds together, and how fast that grows."""
        graph = self._reach.graph(call.caller, request.scope, request.environment)
        identity = identity_from_wire("identity", request.identity)
        return assessment_to_wire(await self._radar.assess(graph, identity, self._reach.scope(graph).policy))
