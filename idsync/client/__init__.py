"""The client library: everything that reaches the service reaches it through here.

`AsyncClient` has one typed method for each rpc, `Client` is the same for programs without an event loop. A
`Transport` carries the calls: `GrpcTransport` between processes, the server's own within one. Errors are
those of `idsync.model.errors`.
"""

from idsync.client.async_client import AsyncClient
from idsync.client.blocking import Client
from idsync.client.credentials import (
    BasicCredentials,
    Credentials,
    DelegateCredentials,
    KeyCredentials,
    OperatorCredentials,
    SignedCredentials,
)
from idsync.client.errors import error_of_result
from idsync.client.gathering import GatheringTransport
from idsync.client.grpc_transport import GrpcTransport
from idsync.client.identity_names import identities
from idsync.client.retry_policy import RetryPolicy
from idsync.client.rpcs import RPCS, Rpc, is_safe_to_retry
from idsync.client.transport import Metadata, RecallingTransport, Trailing, Transport

__all__ = [
    "RPCS",
    "AsyncClient",
    "BasicCredentials",
    "Client",
    "Credentials",
    "DelegateCredentials",
    "GatheringTransport",
    "GrpcTransport",
    "KeyCredentials",
    "Metadata",
    "OperatorCredentials",
    "RecallingTransport",
    "RetryPolicy",
    "Rpc",
    "SignedCredentials",
    "Trailing",
    "Transport",
    "error_of_result",
    "identities",
    "is_safe_to_retry",
]
