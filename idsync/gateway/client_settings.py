"""What clients ask before they begin: their configuration, and the audiences of a user."""

from __future__ import annotations

from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response

from idsync.client import AsyncClient, Credentials
from idsync.gateway.errors import event_error
from idsync.gateway.exchange import Arrival
from idsync.gateway.json_response import JsonResponse
from idsync.gateway.mpids import parse_mpid
from idsync.model.errors import IdsyncError, InvalidRequestError, NotFoundError, UnauthenticatedError
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["ClientSettings"]

_FOR_PAGES: Final = orjson.dumps(
    {
        # what is said here wins over the page's own configuration: only what old clients cannot do without
        "flags": {"eventsV3": "100", "eventBatchingIntervalMillis": "0"},
    }
)
_FOR_DEVICES: Final = orjson.dumps({"dt": "ac", "id": "1", "ct": 0, "eks": []})
_DEVICES_TAG: Final = f'"{sha256(_FOR_DEVICES).hexdigest()[:16]}"'.encode()
_NO_AUDIENCES: Final = orjson.dumps({"dt": "cam", "ct": 0, "id": "1", "audience_memberships": []})


class ClientSettings:
    """Answers clients of any input; the key in the path says which."""

    def __init__(self, client: AsyncClient) -> None:
        """Build it on the service."""
        self._client = client

    async def for_pages(self, arrival: Arrival) -> Response:
        """Give a page its configuration; 404 lets it go on with its own."""
        try:
            await self._admit(arrival)
        except UnauthenticatedError:
            raise NotFoundError("there is no configuration for this key") from None
        return JsonResponse(_FOR_PAGES)

    async def for_devices(self, arrival: Arrival) -> Response:
        """Give a device its configuration, unless it has it already."""
        await self._admit(arrival)
        tag = (b"etag", _DEVICES_TAG)
        known = [value for name, value in arrival.scope["headers"] if name == b"if-none-match"]
        if any(_DEVICES_TAG in value or value.strip() == b"*" for value in known):
            return JsonResponse(b"", 304, [tag])
        return JsonResponse(_FOR_DEVICES, headers=[tag])

    async def audiences(self, arrival: Arrival) -> Response:
        """Say which audiences a user is in; nobody keeps any yet, so that it is none."""
        await self._admit(arrival)
        query = dict(parse_qsl(arrival.scope["query_string"].decode("latin-1")))
        if parse_mpid(query.get("mpid")) is None:
            raise InvalidRequestError("mpid must be a signed 64-bit integer", fields=("mpid",))
        return JsonResponse(_NO_AUDIENCES)

    def refuse(self, error: IdsyncError, _arrival: Arrival) -> Response:
        """Write an error of any of these questions."""
        return event_error(error)

    async def _admit(self, arrival: Arrival) -> None:
        _, credentials = await arrival.admit(
            lambda _text, _: None, self._verify, arrival.scope["path_params"]["key"]
        )
        await self._verify(credentials)

    async def _verify(self, credentials: Credentials) -> None:
        await self._client.get_caller(pb.GetCallerRequest(), credentials=credentials)
