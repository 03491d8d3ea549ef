"""Requests of IdentityService, all of one environment unless a test says otherwise."""

from __future__ import annotations

from idsync.client import identities
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb

PRODUCTION = identity_pb2.ENVIRONMENT_PRODUCTION
DEVELOPMENT = identity_pb2.ENVIRONMENT_DEVELOPMENT
EMAIL = identity_pb2.IDENTITY_TYPE_EMAIL
IDFV = identity_pb2.IDENTITY_TYPE_IOS_IDFV


def identify(**known: str) -> pb.IdentifyRequest:
    return pb.IdentifyRequest(environment=PRODUCTION, known_identities=identities(known))


def login(**known: str) -> pb.LoginRequest:
    return pb.LoginRequest(environment=PRODUCTION, known_identities=identities(known))


def search(**known: str) -> pb.SearchRequest:
    return pb.SearchRequest(environment=PRODUCTION, known_identities=identities(known))


def modify(mpid: int, *changes: pb.IdentityChange) -> pb.ModifyRequest:
    return pb.ModifyRequest(environment=PRODUCTION, mpid=mpid, identity_changes=changes)


def calls(*requests: pb.IdentifyRequest | pb.LoginRequest | pb.ModifyRequest | None) -> list[pb.ResolveCall]:
    result = []
    for request in requests:
        match request:
            case pb.IdentifyRequest():
                result.append(pb.ResolveCall(identify=request))
            case pb.LoginRequest():
                result.append(pb.ResolveCall(login=request))
            case pb.ModifyRequest():
                result.append(pb.ResolveCall(modify=request))
            case _:
                result.append(pb.ResolveCall())
    return result
