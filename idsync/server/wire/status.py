"""The only place where an error becomes a gRPC status (ID-236)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from idsync.model.errors import (
    AlreadyErasedError,
    ConflictError,
    DeadlineExceededError,
    ForbiddenError,
    IdsyncError,
    InvalidRequestError,
    NoSigningKeyError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)

__all__ = ["DOMAIN", "INTERNAL", "code_of", "to_status"]

DOMAIN: Final = "idsync"
INTERNAL: Final = "internal error"
"""All that the outside learns of an error that nobody planned."""

_CODES: Final[Mapping[type[IdsyncError], StatusCode]] = {
    InvalidRequestError: StatusCode.INVALID_ARGUMENT,
    ConflictError: StatusCode.FAILED_PRECONDITION,
    NotFoundError: StatusCode.NOT_FOUND,
    UnauthenticatedError: StatusCode.UNAUTHENTICATED,
    ForbiddenError: StatusCode.PERMISSION_DENIED,
    AlreadyErasedError: StatusCode.FAILED_PRECONDITION,
    NoSigningKeyError: StatusCode.FAILED_PRECONDITION,
    RateLimitedError: StatusCode.RESOURCE_EXHAUSTED,
    UnavailableError: StatusCode.UNAVAILABLE,
    DeadlineExceededError: StatusCode.DEADLINE_EXCEEDED,
}


def code_of(error: Exception) -> StatusCode:
    """Find the canonical code of the nearest class that has one; everything else is a fault of ours."""
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return StatusCode.INTERNAL


def to_status(error: IdsyncError) -> Status:
    """Translate an error for the wire: code, text, `ErrorInfo`, and what else helps the caller.

    Fields at fault come as `BadRequest`, a wait that would help as `RetryInfo`.
    """
    details: list[Message] = [
        ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=dict(error.metadata)),
    ]
    if isinstance(error, InvalidRequestError) and error.fields:
        # What is wrong with each stands in the message: trailers are small, and it would come once for each.
        violations = [BadRequest.FieldViolation(field=field) for field in error.fields]
        details.append(BadRequest(field_violations=violations))
    if error.retry_delay_s:
        delay = Duration()
        delay.FromNanoseconds(round(error.retry_delay_s * 1_000_000_000))
        details.append(RetryInfo(retry_delay=delay))
    status = Status(code=code_of(error).value[0], message=error.message)
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status
