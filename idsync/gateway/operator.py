"""What operators read back over HTTP: the events of a profile, and the batches that were refused."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response

from idsync.client import AsyncClient
from idsync.gateway.credentials import reader_credentials
from idsync.gateway.errors import event_error
from idsync.gateway.exchange import Arrival
from idsync.gateway.intake import EventIntake
from idsync.gateway.json_response import JsonResponse
from idsync.gateway.mpids import parse_mpid
from idsync.model.errors import ForbiddenError, IdsyncError, InvalidRequestError, NotFoundError
from idsync.model.events import ListedEvent, Position
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["MAX_PAGE", "PAGE", "OperatorReads"]

PAGE: Final = 100
"""How many are listed at once unless the caller says otherwise."""
MAX_PAGE: Final = 1_000
"""How many may be asked for at once."""

_SECRETS: Final = ("auth", "bearer", "credential", "jwt", "key", "passw", "secret", "signature", "token")
"""Words in the names of parameters that carry credentials."""
_PAGE: Final = "page_token"
_NUMBER_CHARS: Final = 19
_NOT_HERE: Final = (
    "credentials in a query string end up in logs: send them in the Authorization header, and replace these"
)


class OperatorReads:
    """Answers inputs that may read, each of its own workspace, and operators."""

    def __init__(self, client: AsyncClient, intake: EventIntake) -> None:
        """Build it on the identity service, and on what keeps events."""
        self._client = client
        self._intake = intake

    async def events(self, arrival: Arrival) -> Response:
        """List the events of one profile, newest first."""
        query = _query(arrival)
        credentials = reader_credentials(arrival.scope["headers"])
        workspace = await self._workspace(arrival)
        mpid = parse_mpid(arrival.scope["path_params"]["mpid"])
        if mpid is None:
            raise InvalidRequestError("mpid must be one signed 64-bit integer", fields=("mpid",))
        size = _size(query)
        before = _position(query.get(_PAGE, ""))
        profile = await self._client.get_profile(graph.GetProfileRequest(mpid=mpid), credentials=credentials)
        if profile.profile.state == nouns.PROFILE_STATE_ERASED:
            raise NotFoundError("no such profile")
        listed = await self._intake.events_of(mpid, workspace, before, size + 1)
        answer: dict[str, object] = {"events": [_written(event) for event in listed[:size]]}
        if len(listed) > size:
            answer["next_page_token"] = "{}.{}".format(*listed[size - 1].position)
        return JsonResponse(orjson.dumps(answer))

    async def refused(self, arrival: Arrival) -> Response:
        """List the batches that were refused last, newest first."""
        query = _query(arrival)
        workspace = await self._workspace(arrival)
        listed = await self._intake.refused(workspace, _size(query))
        answer = {
            "refused": [
                {
                    "cause": each.cause,
                    "channel": each.channel.value,
                    "received_unixtime_ms": each.received_ms,
                    "workspace": each.workspace,
                    "input": each.input_key,
                    "body": each.body.decode("utf-8", "replace"),
                }
                for each in listed
            ]
        }
        return JsonResponse(orjson.dumps(answer))

    def refuse(self, error: IdsyncError, _arrival: Arrival) -> Response:
        """Write an error of any of these questions."""
        return event_error(error)

    async def _workspace(self, arrival: Arrival) -> str | None:
        """Say whose data the caller may see; `None`: everybody's.

        Raises:
            UnauthenticatedError: Nobody knows the caller.
            ForbiddenError: It is an input that may not read.
        """
        caller = await self._client.get_caller(
            pb.GetCallerRequest(), credentials=reader_credentials(arrival.scope["headers"])
        )
        if not (caller.is_operator or caller.may_read):
            raise ForbiddenError("this input may not read")
        return None if caller.is_operator else caller.workspace


def _query(arrival: Arrival) -> dict[str, str]:
    """Read the query.

    Raises:
        InvalidRequestError: It holds what must not be in an address.
    """
    query = dict(parse_qsl(arrival.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    if any(word in name.lower() for name in query if name != _PAGE for word in _SECRETS):
        raise InvalidRequestError(_NOT_HERE)
    return query


def _size(query: dict[str, str]) -> int:
    value = query.get("page_size", str(PAGE))
    if not (value.isascii() and value.isdigit()) or len(value) > _NUMBER_CHARS or int(value) < 1:
        raise InvalidRequestError("page_size must be a number from 1 on", fields=("page_size",))
    return min(int(value), MAX_PAGE)


def _position(token: str) -> Position | None:
    if not token:
        return None
    parts = [parse_mpid(part) for part in token.split(".")]
    match parts:
        case [int(timestamp_ms), int(event_id)]:
            return Position(timestamp_ms, event_id)
    raise InvalidRequestError("page_token is none that was given out", fields=("page_token",))


def _written(event: ListedEvent) -> dict[str, object]:
    return {
        "name": event.name or None,
        "type": event.type,
        "timestamp_unixtime_ms": event.position.timestamp_ms,
        "mpid": str(event.mpid),
    }
