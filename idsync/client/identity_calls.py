"""What a client asks about users: who it is, signing in and out, changing and joining."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

from idsync.client.caller import Caller
from idsync.client.credentials import Credentials
from idsync.v1 import identity_service_pb2 as identity

__all__ = ["IdentityCalls"]


class IdentityCalls:
    """The calls of `IdentityService`; part of `AsyncClient`."""

    _caller: Caller

    async def identify(
        self,
        request: identity.IdentifyRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> identity.IdentifyResponse:
        """Ask who the user is, with everything known (ID-080)."""
        return await self._caller.call(identity.IdentifyResponse, request, credentials, timeout_s)

    async def login(
        self,
        request: identity.LoginRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> identity.LoginResponse:
        """Announce a sign-in (ID-081)."""
        return await self._caller.call(identity.LoginResponse, request, credentials, timeout_s)

    async def logout(
        self,
        request: identity.LogoutRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> identity.LogoutResponse:
        """Announce the end of a sign-in (ID-083); repeated only with an idempotency key, or read-only."""
        return await self._caller.call(identity.LogoutResponse, request, credentials, timeout_s)

    async def search(
        self,
        request: identity.SearchRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> identity.SearchResponse:
        """Ask who the user is, without consequences (ID-085)."""
        return await self._caller.call(identity.SearchResponse, request, credentials, timeout_s)

    async def modify(
        self,
        request: identity.ModifyRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> identity.ModifyResponse:
        """Change the identities of one profile (ID-150); repeated only with an idempotency key."""
        return await self._caller.call(identity.ModifyResponse, request, credentials, timeout_s)

    async def batch_resolve(
        self,
        request: identity.BatchResolveRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> identity.BatchResolveResponse:
        """Send up to 1,000 calls, answered in order, each by its response or its error."""
        return await self._caller.call(identity.BatchResolveResponse, request, credentials, timeout_s)

    def stream_resolve(
        self,
        requests: AsyncIterable[identity.StreamResolveRequest],
        *,
        credentials: Credentials | None = None,
    ) -> AsyncIterator[identity.StreamResolveResponse]:
        """Send calls as they come and get their answers in order; an interrupted stream is not resumed."""
        return self._caller.stream(identity.StreamResolveResponse, requests, credentials)

    async def alias(
        self,
        request: identity.AliasRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> identity.AliasResponse:
        """Ask that data of one profile be attributed to another (ID-180); never repeated."""
        return await self._caller.call(identity.AliasResponse, request, credentials, timeout_s)

    async def get_caller(
        self,
        request: identity.GetCallerRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> identity.GetCallerResponse:
        """Ask who the credentials belong to."""
        return await self._caller.call(identity.GetCallerResponse, request, credentials, timeout_s)
