"""Every rpc of the services, read from the descriptors, and which of them may be sent twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from idsync.v1 import (
    admin_service_pb2,
    graph_service_pb2,
    identity_service_pb2,
    privacy_service_pb2,
    radar_service_pb2,
)

__all__ = ["RPCS", "RPCS_BY_RESPONSE", "Rpc", "is_safe_to_retry"]

_READING_PREFIXES: Final = ("Get", "List", "Find", "BatchGet")
_SAFE_NAMES: Final = frozenset({"Search", "Explain", "Export", "Identify", "Login", "PlanRepair"})
"""Reads, and the calls that ID-042 calls idempotent by nature."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """One remote call: where it goes, what it takes and gives.

    Attributes:
        service: The service without its package, e.g. `IdentityService`.
        name: The rpc, e.g. `Identify`.
        request_type: Class of the request message.
        response_type: Class of the response message; no two rpcs share one.
        client_streaming: Many requests instead of one.
        server_streaming: Many responses instead of one.
        safe_to_retry: Sending it twice has the effect of sending it once, whatever the request says. For
            the rpcs where that depends on the request, ask `is_safe_to_retry`.
        path: The HTTP/2 path, e.g. `/idsync.v1.IdentityService/Identify`.
    """

    service: str
    name: str
    request_type: type[Message]
    response_type: type[Message]
    client_streaming: bool
    server_streaming: bool
    safe_to_retry: bool
    path: str = field(init=False)

    def __post_init__(self) -> None:
        package = self.request_type.DESCRIPTOR.file.package
        object.__setattr__(self, "path", f"/{package}.{self.service}/{self.name}")


def _rpc(method: MethodDescriptor) -> Rpc:
    return Rpc(
        service=method.containing_service.name,
        name=method.name,
        request_type=GetMessageClass(method.input_type),
        response_type=GetMessageClass(method.output_type),
        client_streaming=method.client_streaming,
        server_streaming=method.server_streaming,
        safe_to_retry=method.name in _SAFE_NAMES or method.name.startswith(_READING_PREFIXES),
    )


RPCS: Final[tuple[Rpc, ...]] = tuple(
    _rpc(method)
    for module in (
        identity_service_pb2,
        graph_service_pb2,
        radar_service_pb2,
        privacy_service_pb2,
        admin_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
)
"""All rpcs, in the order of the proto files."""

RPCS_BY_RESPONSE: Final[Mapping[type[Message], Rpc]] = {rpc.response_type: rpc for rpc in RPCS}
"""Each rpc by the class of its response, which is its own."""


def _has_key(request: Any) -> bool:
    return bool(request.idempotency_key)


def _writes_nothing_or_has_key(request: Any) -> bool:
    return bool(request.read_only) or _has_key(request)


def _is_preview(request: Any) -> bool:
    return bool(request.preview)


def _all_safe(request: Any) -> bool:
    # A call that names nothing is refused, which does no harm twice.
    named = ((call, call.WhichOneof("call")) for call in request.calls)
    return all(name is None or _is_safe_request(getattr(call, name)) for call, name in named)


_SAFE_REQUESTS: Final[Mapping[type[Message], Callable[[Any], bool]]] = {
    identity_service_pb2.LogoutRequest: _writes_nothing_or_has_key,
    identity_service_pb2.ModifyRequest: _has_key,
    identity_service_pb2.BatchResolveRequest: _all_safe,
    privacy_service_pb2.EraseRequest: _is_preview,
}
_SAFE_TYPES: Final = frozenset(rpc.request_type for rpc in RPCS if rpc.safe_to_retry)


def _is_safe_request(request: Message) -> bool:
    if type(request) in _SAFE_TYPES:
        return True
    condition = _SAFE_REQUESTS.get(type(request))
    return condition is not None and condition(request)


def is_safe_to_retry(rpc: Rpc, request: Message) -> bool:
    """Say whether sending `request` twice has the effect of sending it once (ID-042).

    Reads, identify and login always; logout and modify with an idempotency key (a read-only logout, too); a
    batch if all of its calls are; the preview of an erasure; an alias never, since each one
    taken is one more journal entry.
    """
    return rpc.safe_to_retry or _is_safe_request(request)
