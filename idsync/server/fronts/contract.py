"""Every rpc of the contract by number: what stands for its path between a front and the owner."""

from __future__ import annotations

from typing import Final

from google.protobuf.descriptor import MethodDescriptor

from idsync.v1 import admin_service_pb2, graph_service_pb2, identity_service_pb2, radar_service_pb2

__all__ = ["RPCS", "path_of"]

RPCS: Final[tuple[MethodDescriptor, ...]] = tuple(
    rpc
    for module in (identity_service_pb2, graph_service_pb2, radar_service_pb2, admin_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for rpc in service.methods
)
"""All rpcs, in the order of the proto files; both ends are one program, so they agree on it."""


def path_of(rpc: MethodDescriptor) -> str:
    """Give the path of an rpc on the wire, e.g. `/idsync.v1.IdentityService/Identify`."""
    return f"/{rpc.containing_service.full_name}/{rpc.name}"
