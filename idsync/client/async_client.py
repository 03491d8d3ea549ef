"""The client: one typed method for each rpc, with a deadline, our errors, and repetition where it is safe."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from idsync.client.admin_calls import AdminCalls
from idsync.client.caller import TIMEOUT_S, Caller
from idsync.client.credentials import BasicCredentials, Credentials, KeyCredentials, OperatorCredentials
from idsync.client.gathering import GatheringTransport
from idsync.client.graph_calls import GraphCalls
from idsync.client.grpc_transport import GrpcTransport
from idsync.client.identity_calls import IdentityCalls
from idsync.client.radar_calls import RadarCalls
from idsync.client.retry_policy import RetryPolicy
from idsync.client.transport import Transport
from idsync.model.errors import ConfigurationError

__all__ = ["AsyncClient"]


class AsyncClient(IdentityCalls, GraphCalls, RadarCalls, AdminCalls):
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
