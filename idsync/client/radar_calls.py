"""What a client asks about values that many hold."""

from __future__ import annotations

from idsync.client.caller import Caller
from idsync.client.credentials import Credentials
from idsync.v1 import radar_service_pb2 as radar

__all__ = ["RadarCalls"]


class RadarCalls:
    """The calls of `RadarService`; part of `AsyncClient`."""

    _caller: Caller

    async def get_collapse_risk(
        self,
        request: radar.GetCollapseRiskRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> radar.GetCollapseRiskResponse:
        """Show what one value holds together, and how fast that grows."""
        return await self._caller.call(radar.GetCollapseRiskResponse, request, credentials, timeout_s)
