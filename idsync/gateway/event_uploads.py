"""Event uploads of every kind of client, and what each must be told (http-wire 6 to 8)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeAlias

import orjson
from starlette.responses import Response

from idsync.client import AsyncClient, Credentials
from idsync.gateway.batches import batch_of
from idsync.gateway.credentials import Claim, has_authorization
from idsync.gateway.errors import event_error
from idsync.gateway.exchange import Arrival
from idsync.gateway.intake import EventIntake
from idsync.gateway.json_response import JsonResponse
from idsync.gateway.payload import BAD_REQUEST
from idsync.gateway.short_batches import native_batch, page_event
from idsync.gateway.uploads import read_upload, written
from idsync.model.errors import ForbiddenError, IdsyncError, InvalidRequestError, UnauthenticatedError
from idsync.model.events import Batch, BatchRefusedError, Channel
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["MAX_BATCHES", "EventUploads"]

MAX_BATCHES: Final = 100
"""Batches in one upload of a server (EV-010)."""

Read: TypeAlias = Callable[[object, bytes], Batch]
Batches: TypeAlias = list[Batch | BatchRefusedError]


class EventUploads:
    """Answers each kind of upload: 202 once it is on disk.

    Pages and devices are told nothing of a batch that has to be refused: pages would send it again for
    ever. Operators see it instead.
    """

    def __init__(self, client: AsyncClient, intake: EventIntake) -> None:
        """Build it on the identity service, and on what keeps events."""
        self._client = client
        self._intake = intake

    async def web(self, arrival: Arrival) -> Response:
        """One batch of a page."""
        await self._of_client(arrival, Channel.WEB, lambda value, text: batch_of(value, text, Channel.WEB))
        return Response(status_code=202)

    async def page(self, arrival: Arrival) -> Response:
        """One event of an old page."""
        await self._of_client(arrival, Channel.WEB, page_event)
        return Response(status_code=202)

    async def native(self, arrival: Arrival) -> Response:
        """One batch of a device, which wants a JSON object in the answer."""
        upload_id = await self._of_client(arrival, Channel.NATIVE, native_batch)
        answer = {"dt": "rh", "id": upload_id, "ct": time.time_ns() // 1_000_000, "msgs": []}
        return JsonResponse(orjson.dumps(answer), 202)

    async def server(self, arrival: Arrival) -> Response:
        """One batch of a server, which is told what is wrong with it."""

        def read(text: bytes) -> Batches:
            return [batch_of(read_upload(text), text, Channel.SERVER)]

        return await self._of_server(arrival, Channel.SERVER, read)

    async def bulk(self, arrival: Arrival) -> Response:
        """Many batches of a server; it is told what is wrong if none of them is good (EV-015)."""
        return await self._of_server(
            arrival, Channel.SERVER, lambda text: _many(read_upload(text), Channel.SERVER)
        )

    async def historical(self, arrival: Arrival) -> Response:
        """Many batches of old events (EV-016)."""
        return await self._of_server(
            arrival, Channel.HISTORICAL, lambda text: _many(read_upload(text), Channel.HISTORICAL)
        )

    async def statistics(self, arrival: Arrival) -> Response:
        """What a page's kits forwarded: accepted, counted by route, and not kept."""
        try:
            _, credentials = await arrival.admit(
                lambda _text, _: None, self._verify, arrival.scope["path_params"]["key"]
            )
        except InvalidRequestError:
            # it is not read, so that nothing can be wrong with it
            return Response(status_code=202)
        await self._verify(credentials)
        return Response(status_code=202)

    def refuse(self, error: IdsyncError, _arrival: Arrival) -> Response:
        """Write an error of any upload."""
        return event_error(error)

    async def _of_client(self, arrival: Arrival, channel: Channel, read: Read) -> str:
        """Take the upload of a page or a device, whose key is in the path.

        Returns:
            Its id; empty where it has none.
        """
        key: str = arrival.scope["path_params"]["key"]

        def parse(text: bytes, _: Credentials) -> Batch | BatchRefusedError:
            try:
                return read(read_upload(text), text)
            except BatchRefusedError as error:
                return error

        sender: Credentials | None
        try:
            batch, sender = await arrival.admit(parse, self._verify, key)
        except InvalidRequestError as error:
            if error.reason == BAD_REQUEST:
                raise
            # longer than anybody reads, and no shorter when it comes again
            batch = BatchRefusedError(error.message, cause="too_large")
            sender = Claim.of(arrival.scope["headers"], key).unsigned
        if sender is not None:
            await self._intake.take(self._client, [batch], channel, sender)
        elif isinstance(batch, BatchRefusedError):
            # signed over what nobody has read, so that it is nobody's
            self._intake.lost(batch, channel)
        return batch.request_id if isinstance(batch, Batch) else ""

    async def _of_server(
        self, arrival: Arrival, channel: Channel, read: Callable[[bytes], Batches]
    ) -> Response:
        if not has_authorization(arrival.scope["headers"]):
            raise UnauthenticatedError("no credentials were sent")

        def parse(text: bytes, _: Credentials) -> Batches:
            try:
                return read(text)
            except BatchRefusedError as error:
                return [error]

        try:
            batches, credentials = await arrival.admit(parse, self._verify)
            taken = await self._intake.take(self._client, batches, channel, credentials)
        except UnauthenticatedError as error:
            # wrong ones are told from missing ones here, unlike in identity calls (EV-004)
            raise ForbiddenError(error.message) from None
        refused = [each for each in taken if isinstance(each, BatchRefusedError)]
        if refused and len(refused) == len(taken):
            raise refused[0]
        return Response(status_code=202)

    async def _verify(self, credentials: Credentials) -> None:
        await self._client.get_caller(pb.GetCallerRequest(), credentials=credentials)


def _many(value: object, channel: Channel) -> Batches:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InvalidRequestError("the body must be an array of batches", reason=BAD_REQUEST)
    if len(value) > MAX_BATCHES:
        raise InvalidRequestError(f"the body has more than {MAX_BATCHES} batches", reason=BAD_REQUEST)
    return [_one(each, channel) for each in value]


def _one(value: object, channel: Channel) -> Batch | BatchRefusedError:
    try:
        return batch_of(value, written(value), channel)
    except BatchRefusedError as error:
        return error
