"""Identities as they stand on the wire, of types that need not exist."""

from __future__ import annotations

from idsync.model.identity import IdentityType
from idsync.v1 import identity_pb2

T = IdentityType
PRODUCTION = identity_pb2.ENVIRONMENT_PRODUCTION


def wire(*pairs: tuple[int, str]) -> list[identity_pb2.Identity]:
    return [identity_pb2.Identity(type=kind, value=value) for kind, value in pairs]  # type: ignore[arg-type]
