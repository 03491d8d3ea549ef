"""The alias call over HTTP (section 10 of the specification)."""

from __future__ import annotations

import contextlib

from starlette.responses import Response

from idsync.client import AsyncClient, Credentials
from idsync.gateway.bodies import alias_request
from idsync.gateway.errors import alias_error
from idsync.gateway.exchange import Arrival
from idsync.model.errors import IdsyncError, InvalidAliasError
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["AliasCall"]


class AliasCall:
    """Answers alias requests; the key in the path says whose they are (ID-226)."""

    def __init__(self, client: AsyncClient) -> None:
        """Build it on the service."""
        self._client = client

    async def alias(self, arrival: Arrival) -> Response:
        """Take the request; 202 does not say that it will succeed (ID-185)."""
        request, credentials = await arrival.admit(
            lambda text, _: alias_request(text), self._verify, path_key=arrival.scope["path_params"]["key"]
        )
        await self._client.alias(request, credentials=credentials)
        return Response(status_code=202)

    def refuse(self, error: IdsyncError, _arrival: Arrival) -> Response:
        """Write an error of this call."""
        return alias_error(error)

    async def _verify(self, credentials: Credentials) -> None:
        # Availability is judged before content too (ID-195). An alias request that names no profile can have
        # no effect, and whatever else stands in the way of a good one is said first.
        with contextlib.suppress(InvalidAliasError):
            await self._client.alias(pb.AliasRequest(), credentials=credentials)
