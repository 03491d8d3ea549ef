"""Scenarios over gRPC."""

from __future__ import annotations

from collections.abc import Mapping

from idsync.client import AsyncClient, BasicCredentials, Credentials, KeyCredentials
from idsync.model.errors import IdsyncError
from idsync.testing.scenario.case import Call, Step
from idsync.testing.scenario.inspection import Inspector
from idsync.testing.scenario.observing import TypedAnswer, answer_of, refusal_of
from idsync.testing.scenario.requests import TypedRequest, typed_request
from idsync.testing.scenario.service_surface import InputAccess, ServiceSurface
from idsync.testing.scenario.surface import Controls, Observed
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["GrpcSurface", "credentials_of"]


class GrpcSurface(ServiceSurface):
    """A service reached through `idsync.client`; see `ServiceSurface`."""

    def __init__(
        self,
        client: AsyncClient,
        inputs: Mapping[str, InputAccess],
        inspector: Inspector | None = None,
        controls: Controls | None = None,
    ) -> None:
        super().__init__(inputs, inspector, controls)
        self._client = client

    def check(self, step: Step) -> None:
        """Try to build the typed request."""
        super().check(step)
        if step.call is not Call.DELETE:
            typed_request(step, "", self.now_ms())

    async def call(self, step: Step, request_id: str) -> Observed:
        """Send the typed request."""
        if step.call is Call.DELETE:
            return await self.delete(step)
        request = typed_request(step, request_id, self.now_ms())
        size = await self.journal_size()
        try:
            return answer_of(await self._send(request, credentials_of(self.inputs[step.workspace])))
        except IdsyncError as error:
            return await self.traced(refusal_of(error, wrote=None), step, request_id, size)

    async def _send(self, request: TypedRequest, credentials: Credentials) -> TypedAnswer:
        client = self._client
        match request:
            case pb.IdentifyRequest():
                return await client.identify(request, credentials=credentials)
            case pb.LoginRequest():
                return await client.login(request, credentials=credentials)
            case pb.LogoutRequest():
                return await client.logout(request, credentials=credentials)
            case pb.SearchRequest():
                return await client.search(request, credentials=credentials)
            case pb.ModifyRequest():
                return await client.modify(request, credentials=credentials)
            case pb.AliasRequest():
                return await client.alias(request, credentials=credentials)


def credentials_of(access: InputAccess) -> Credentials:
    """Give what an input shows: key and secret, or the key alone."""
    return (
        KeyCredentials(access.key) if access.secret is None else BasicCredentials(access.key, access.secret)
    )
