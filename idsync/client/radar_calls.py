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

    async def quarantine(
        self,
        request: radar.QuarantineRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> radar.QuarantineResponse:
        """Take a value away from finding: it finds nobody any more but the previous profile of a call."""
        return await self._caller.call(radar.QuarantineResponse, request, credentials, timeout_s)

    async def release(
        self,
        request: radar.ReleaseRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> radar.ReleaseResponse:
        """Give a quarantined value back to finding."""
        return await self._caller.call(radar.ReleaseResponse, request, credentials, timeout_s)

    async def list_quarantined(
        self,
        request: radar.ListQuarantinedRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> radar.ListQuarantinedResponse:
        """List what is quarantined, in the order in which it was."""
        return await self._caller.call(radar.ListQuarantinedResponse, request, credentials, timeout_s)

    async def list_alarms(
        self,
        request: radar.ListAlarmsRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> radar.ListAlarmsResponse:
        """List the values above a limit, in the order in which they crossed it."""
        return await self._caller.call(radar.ListAlarmsResponse, request, credentials, timeout_s)
