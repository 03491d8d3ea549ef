"""The client: one typed method for each rpc, with a deadline, our errors, and repetition where it is safe."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from types import TracebackType
from typing import Self

from google.protobuf.message import Message

from idsync.client.caller import TIMEOUT_S, Caller
from idsync.client.credentials import BasicCredentials, Credentials, KeyCredentials, OperatorCredentials
from idsync.client.gathering import GatheringTransport
from idsync.client.grpc_transport import GrpcTransport
from idsync.client.retry_policy import RetryPolicy
from idsync.client.transport import Transport
from idsync.model.errors import ConfigurationError
from idsync.v1 import admin_service_pb2 as admin
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as identity

__all__ = ["AsyncClient"]


class AsyncClient:
    """Calls the service; one client serves any number of tasks of one event loop.

    Every method sends a request message and returns the response message of its rpc. `credentials` and
    `timeout_s` of a call replace the client's own. All errors are subclasses of `IdsyncError`;
    `UnavailableError` is raised only after a call that is safe to repeat was repeated, within its time.
    Used with `async with`, the client is closed at the end.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials | None = None,
        timeout_s: float | None = TIMEOUT_S,
        *,
        retry: RetryPolicy | None = None,
    ) -> None:
        """Build a client on a transport, which it closes when it is closed.

        Args:
            transport: What carries the calls.
            credentials: Shown with every call that brings none of its own.
            timeout_s: Seconds for a whole call, all attempts and the waits between them included; `None`
                waits for as long as it takes. Streams have no such limit.
            retry: How patient to be while the service is not available; `RetryPolicy()` by default.
        """
        self._transport = transport
        self._caller = Caller(transport, credentials, timeout_s, RetryPolicy() if retry is None else retry)

    @classmethod
    def connect(
        cls,
        target: str,
        credentials: Credentials | None = None,
        *,
        key: str | None = None,
        secret: str | None = None,
        token: str | None = None,
        tls: bool = False,
        tls_roots: bytes | None = None,
        timeout_s: float | None = TIMEOUT_S,
        gather: bool = True,
        retry: RetryPolicy | None = None,
    ) -> Self:
        """Build a client that talks gRPC; it connects with its first call.

        Args:
            target: Where the service listens, `HOST:PORT`.
            credentials: Who calls; or say it by one of the next.
            key: An input's key; alone where the input allows it.
            secret: The secret of that key.
            token: An operator's token.
            tls: Encrypt, and believe the authorities that gRPC brings along.
            tls_roots: Encrypt, and believe these authorities instead (PEM).
            timeout_s: Seconds for a whole call; see the constructor.
            gather: Let calls made at the same moment travel in one message; see `GatheringTransport`.
            retry: How patient to be; see the constructor.

        Raises:
            ConfigurationError: The credentials are given twice, or a secret without its key.
            UnauthenticatedError: The credentials cannot be sent.
        """
        chosen = _credentials(credentials, key, secret, token)
        transport: Transport = GrpcTransport(target, tls=tls, tls_roots=tls_roots)
        return cls(GatheringTransport(transport) if gather else transport, chosen, timeout_s, retry=retry)

    async def close(self) -> None:
        """Close the transport; calls under way fail with `UnavailableError`."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

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

    async def get_profile(
        self,
        request: graph.GetProfileRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.GetProfileResponse:
        """Show one profile by MPID."""
        return await self._caller.call(graph.GetProfileResponse, request, credentials, timeout_s)

    async def batch_get_profiles(
        self,
        request: graph.BatchGetProfilesRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.BatchGetProfilesResponse:
        """Show up to 1,000 profiles by MPID."""
        return await self._caller.call(graph.BatchGetProfilesResponse, request, credentials, timeout_s)

    async def find_profiles(
        self,
        request: graph.FindProfilesRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.FindProfilesResponse:
        """Show the profiles that hold one identity, newest first, by pages."""
        return await self._caller.call(graph.FindProfilesResponse, request, credentials, timeout_s)

    async def explain(
        self,
        request: graph.ExplainRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.ExplainResponse:
        """Ask why two things belong together, or why a request had its answer."""
        return await self._caller.call(graph.ExplainResponse, request, credentials, timeout_s)

    async def list_journal(
        self,
        request: graph.ListJournalRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> graph.ListJournalResponse:
        """Show the journal of one graph, oldest first, by pages."""
        return await self._caller.call(graph.ListJournalResponse, request, credentials, timeout_s)

    def watch_changes(
        self, request: graph.WatchChangesRequest, *, credentials: Credentials | None = None
    ) -> AsyncIterator[graph.WatchChangesResponse]:
        """Follow the journal of one graph; after an error, ask again from the last `seq` that was seen."""
        return self._caller.stream(graph.WatchChangesResponse, _one(request), credentials)

    async def list_scopes(
        self,
        request: admin.ListScopesRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.ListScopesResponse:
        """Show all scopes, by pages."""
        return await self._caller.call(admin.ListScopesResponse, request, credentials, timeout_s)

    async def get_scope(
        self,
        request: admin.GetScopeRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.GetScopeResponse:
        """Show one scope by name."""
        return await self._caller.call(admin.GetScopeResponse, request, credentials, timeout_s)

    async def list_workspaces(
        self,
        request: admin.ListWorkspacesRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.ListWorkspacesResponse:
        """Show all workspaces, by pages."""
        return await self._caller.call(admin.ListWorkspacesResponse, request, credentials, timeout_s)

    async def get_workspace(
        self,
        request: admin.GetWorkspaceRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.GetWorkspaceResponse:
        """Show one workspace by name."""
        return await self._caller.call(admin.GetWorkspaceResponse, request, credentials, timeout_s)

    async def list_inputs(
        self,
        request: admin.ListInputsRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.ListInputsResponse:
        """Show the inputs of all workspaces, or of one, by pages."""
        return await self._caller.call(admin.ListInputsResponse, request, credentials, timeout_s)

    async def get_input(
        self,
        request: admin.GetInputRequest,
        *,
        credentials: Credentials | None = None,
        timeout_s: float | None = None,
    ) -> admin.GetInputResponse:
        """Show one input by key."""
        return await self._caller.call(admin.GetInputResponse, request, credentials, timeout_s)


async def _one(request: Message) -> AsyncGenerator[Message, None]:
    yield request


def _credentials(
    credentials: Credentials | None, key: str | None, secret: str | None, token: str | None
) -> Credentials | None:
    if sum(given is not None for given in (credentials, key, token)) > 1:
        raise ConfigurationError("give credentials, a key or a token, and only one of them")
    if key is not None:
        return KeyCredentials(key) if secret is None else BasicCredentials(key, secret)
    if secret is not None:
        raise ConfigurationError("a secret without its key says nothing")
    return OperatorCredentials(token) if token is not None else credentials
