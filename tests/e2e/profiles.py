"""Profiles to look at: made by calls, and the identities that name them."""

from __future__ import annotations

from idsync.client import AsyncClient, Credentials, identities
from idsync.v1 import identity_pb2
from idsync.v1.identity_service_pb2 import IdentifyRequest, LoginRequest

PRODUCTION = identity_pb2.ENVIRONMENT_PRODUCTION
DEVELOPMENT = identity_pb2.ENVIRONMENT_DEVELOPMENT


def one(**known: str) -> identity_pb2.Identity:
    (identity,) = identities(known)
    return identity


async def identify(client: AsyncClient, credentials: Credentials | None = None, **known: str) -> int:
    request = IdentifyRequest(environment=PRODUCTION, known_identities=identities(known))
    return (await client.identify(request, credentials=credentials)).mpid


async def login(client: AsyncClient, request_id: str = "", **known: str) -> int:
    request = LoginRequest(environment=PRODUCTION, known_identities=identities(known), request_id=request_id)
    return (await client.login(request)).mpid
