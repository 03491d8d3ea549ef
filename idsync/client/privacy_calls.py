"""What a client asks about somebody's data: that it be forgotten, or shown."""

from __future__ import annotations

from idsync.client.caller import Caller
from idsync.client.credentials import Credentials
from idsync.v1 import privacy_service_pb2 as privacy

__all__ = ["PrivacyCalls"]


class PrivacyCalls:
    """The calls of `PrivacyService`; part of `AsyncClient`."""

    _caller: Caller

    async def erase(
        self,
        request: privacy.EraseRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> privacy.EraseResponse:
        """Erase profiles for good, or with `preview` say what that would remove."""
        return await self._caller.call(privacy.EraseResponse, request, credentials, timeout_s)

    async def get_erasure(
        self,
        request: privacy.GetErasureRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> privacy.GetErasureResponse:
        """Show an erasure that was carried out, with its receipt."""
        return await self._caller.call(privacy.GetErasureResponse, request, credentials, timeout_s)

    async def export(
        self,
        request: privacy.ExportRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> privacy.ExportResponse:
        """Show all that is kept of one profile; its journal entries come by pages."""
        return await self._caller.call(privacy.ExportResponse, request, credentials, timeout_s)
