"""The identity calls over HTTP: identify, login, logout, search and modify."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Protocol, TypeVar

from starlette.responses import Response

from idsync.client import RPCS, AsyncClient, Credentials
from idsync.gateway.answers import ResolveAnswer, modify_answer, resolve_answer
from idsync.gateway.bodies import ResolveMessage, modify_request, resolve_message
from idsync.gateway.errors import identity_error
from idsync.gateway.exchange import Arrival
from idsync.gateway.flags import parse_flags
from idsync.gateway.json_response import JsonResponse
from idsync.gateway.payload import parse_object
from idsync.gateway.tracing import TracedTransport
from idsync.gateway.wordings import wording_of
from idsync.model.errors import IdsyncError
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["IdentityCalls"]

_RPCS: Final = {rpc.request_type: rpc for rpc in RPCS}

Sent_contra = TypeVar("Sent_contra", contravariant=True)


class _Call(Protocol[Sent_contra]):
    """A method of the client that answers with one profile."""

    def __call__(self, request: Sent_contra, /, *, credentials: Credentials) -> Awaitable[ResolveAnswer]: ...


class IdentityCalls:
    """Answers each of the five calls."""

    def __init__(self, client: AsyncClient, traced: TracedTransport, max_age_s: int) -> None:
        """Build it.

        Args:
            client: The service.
            traced: What its calls go through, and what may recall their answers.
            max_age_s: For how long a client may reuse an answer, in seconds (ID-175).
        """
        self._client = client
        self._traced = traced
        self._headers = [(b"x-mp-max-age", str(max_age_s).encode())]

    async def identify(self, arrival: Arrival) -> Response:
        """Who is the user (ID-080)."""
        return await self._resolve(arrival, pb.IdentifyRequest, self._client.identify)

    async def login(self, arrival: Arrival) -> Response:
        """The user signed in (ID-081)."""
        return await self._resolve(arrival, pb.LoginRequest, self._client.login)

    async def logout(self, arrival: Arrival) -> Response:
        """The user signed out (ID-083)."""
        return await self._resolve(arrival, pb.LogoutRequest, self._client.logout)

    async def search(self, arrival: Arrival) -> Response:
        """Who would the user be (ID-085)."""
        return await self._resolve(arrival, pb.SearchRequest, self._client.search)

    async def modify(self, arrival: Arrival) -> Response:
        """The identities of one profile change (ID-150)."""
        mpid: str = arrival.scope["path_params"]["mpid"]
        request, credentials = await arrival.admit(lambda text, _: modify_request(mpid, text), self._verify)
        answer = await self._client.modify(request, credentials=credentials)
        return JsonResponse(modify_answer(answer))

    def refuse(self, error: IdsyncError, arrival: Arrival) -> Response:
        """Write an error of any of these calls."""
        return identity_error(error, arrival.request_id)

    async def _resolve(
        self, arrival: Arrival, kind: type[ResolveMessage], call: _Call[ResolveMessage]
    ) -> Response:
        flags = parse_flags(arrival.scope["query_string"])

        def read(text: bytes, credentials: Credentials) -> ResolveMessage | bytes:
            body = parse_object(text)
            wording = wording_of(body, text, flags)
            known = None if wording is None else self._traced.recall(_RPCS[kind], wording, credentials)
            if known is not None:
                return known
            return resolve_message(kind, body, text, read_only=flags.read_only, is_plain=wording is not None)

        request, credentials = await arrival.admit(read, self._verify)
        if isinstance(request, bytes):
            return JsonResponse(request, headers=self._headers)
        answer = await call(request, credentials=credentials)
        return JsonResponse(
            resolve_answer(answer, return_matches=flags.return_matches), headers=self._headers
        )

    async def _verify(self, credentials: Credentials) -> None:
        await self._client.get_caller(pb.GetCallerRequest(), credentials=credentials)
