"""Typed answers and errors to what the runner compares."""

from __future__ import annotations

from typing import Final

import grpc

from idsync.model.errors import (
    DeadlineExceededError,
    ForbiddenError,
    IdsyncError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from idsync.model.identity import IdentityType
from idsync.testing.scenario.surface import Answer, Refusal
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["TypedAnswer", "answer_of", "refusal_of"]

TypedAnswer = (
    pb.IdentifyResponse
    | pb.LoginResponse
    | pb.LogoutResponse
    | pb.SearchResponse
    | pb.ModifyResponse
    | pb.AliasResponse
)

_TAKEN: Final = 202
"""What a taken alias request is answered with (ID-185)."""
_FAULT: Final = 500
# Written out from ID-236, and not taken from the service: what is tested cannot be the measure.
_STATUS_OF_ERROR: Final[dict[type[IdsyncError], int]] = {
    InvalidRequestError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    RateLimitedError: 429,
    UnavailableError: 503,
    DeadlineExceededError: 504,
}
_STATUS_OF_CODE: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


def answer_of(response: TypedAnswer) -> Answer:
    """Read a typed answer."""
    if isinstance(response, pb.AliasResponse):
        return Answer(status=_TAKEN, alias_seq=response.journal_seq)
    if isinstance(response, pb.ModifyResponse):
        changes = ((_name(result.type), result.modified_mpid) for result in response.change_results)
        return Answer(changes=tuple(changes), is_logged_in=response.is_logged_in)
    decision = response.decision
    return Answer(
        mpid=response.mpid,
        matched={_name(identity.type): identity.value for identity in response.matched_identities},
        is_logged_in=response.is_logged_in,
        is_ephemeral=response.is_ephemeral,
        rule=decision.rule,
        decided=_decided(decision),
    )


def _decided(decision: nouns.Decision) -> str:
    outcome = nouns.Outcome.Name(decision.outcome).removeprefix("OUTCOME_").lower()
    return f"{outcome} by {_name(decision.decided_by.type)}" if decision.HasField("decided_by") else outcome


def _name(number: int) -> str:
    return IdentityType(number).wire_name if number in list(IdentityType) else f"type {number}"


def refusal_of(error: IdsyncError, *, wrote: bool | None) -> Refusal:
    """Read an error; one that came over gRPC is judged by the status code it came with (ID-236)."""
    status = _FAULT
    if isinstance(error.__cause__, grpc.aio.AioRpcError):
        status = _STATUS_OF_CODE.get(error.__cause__.code(), _FAULT)
    else:
        for kind, number in _STATUS_OF_ERROR.items():
            if isinstance(error, kind):
                status = number
    return Refusal(status, error.reason, error.message, error.metadata.get("rule", ""), wrote)
