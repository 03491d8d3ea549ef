"""What a peer answered, as our errors: by its ErrorInfo, else by its canonical code, never by its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status

from idsync.model.errors import (
    AlreadyErasedError,
    ConflictError,
    DeadlineExceededError,
    ForbiddenError,
    IdsyncError,
    InvalidAliasError,
    InvalidRequestError,
    LookupFailedError,
    NoSigningKeyError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from idsync.v1.identity_service_pb2 import ResolveError

__all__ = ["client_closed", "error_of_result", "error_of_rpc"]

M = TypeVar("M", bound=Message)

_DOMAIN: Final = "idsync"
_RECONNECT_S: Final = 0.1
"""First wait where nobody has named one: the connection failed, the service has not spoken."""

_BY_REASON: Final[Mapping[str, type[IdsyncError]]] = {
    "BAD_REQUEST": InvalidRequestError,
    "VALIDATION_ERROR": InvalidRequestError,
    "LOOKUP_ERROR": LookupFailedError,
    "INVALID_DATA": InvalidAliasError,
    "NOT_FOUND_ERROR": NotFoundError,
    "CONFLICT": ConflictError,
    "UNAUTHENTICATED": UnauthenticatedError,
    "FORBIDDEN": ForbiddenError,
    "TOO_MANY_REQUESTS": RateLimitedError,
    "UNAVAILABLE": UnavailableError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "ALREADY_ERASED": AlreadyErasedError,
    "NO_SIGNING_KEY": NoSigningKeyError,
    "INTERNAL_ERROR": IdsyncError,
}
_BY_CODE: Final[Mapping[int, type[IdsyncError]]] = {
    Code.INVALID_ARGUMENT: InvalidRequestError,
    Code.NOT_FOUND: NotFoundError,
    Code.FAILED_PRECONDITION: ConflictError,
    Code.UNAUTHENTICATED: UnauthenticatedError,
    Code.PERMISSION_DENIED: ForbiddenError,
    Code.RESOURCE_EXHAUSTED: RateLimitedError,
    Code.UNAVAILABLE: UnavailableError,
    Code.DEADLINE_EXCEEDED: DeadlineExceededError,
    # Not by us: a server that is flooded says so of calls that it has not looked at.
    Code.CANCELLED: UnavailableError,
}


def error_of_rpc(error: grpc.aio.AioRpcError) -> IdsyncError:
    """Translate the end of a failed rpc.

    Args:
        error: What grpc raised.

    Returns:
        The error our service meant: reason and metadata from its ErrorInfo, `retry_delay_s` from its
        RetryInfo, `fields` from its BadRequest. Without them, or from another domain, the canonical code
        decides alone (ID-236), and what has no error of ours is an `IdsyncError`.
    """
    details = _details(error)
    info = _detail(details, ErrorInfo())
    retry = _detail(details, RetryInfo())
    ours = info.domain == _DOMAIN
    result = _error(
        code=error.code().value[0],
        reason=info.reason if ours else "",
        message=error.details() or "",
        fields=[violation.field for violation in _detail(details, BadRequest()).field_violations],
    )
    if ours:
        result.metadata = dict(info.metadata)
    if retry.HasField("retry_delay"):
        result.retry_delay_s = _seconds(retry.retry_delay)
    elif isinstance(result, UnavailableError):
        result.retry_delay_s = _RECONNECT_S
    return result


def error_of_result(error: ResolveError) -> IdsyncError:
    """Translate the error of one call of a batch or stream, by the same rules.

    Args:
        error: What stands in the place of that call's response.

    Returns:
        The error the call would have raised alone.
    """
    result = _error(code=error.code, reason=error.reason, message=error.message, fields=error.fields)
    result.metadata = dict(error.metadata)
    if 0 <= error.retry_delay_s < float("inf"):
        result.retry_delay_s = error.retry_delay_s
    return result


def client_closed() -> UnavailableError:
    """Say that the client was closed: nothing was changed, and trying again would not help."""
    error = UnavailableError("the client is closed")
    error.retry_delay_s = 0.0
    return error


def _error(*, code: int, reason: str, message: str, fields: Sequence[str]) -> IdsyncError:
    kind = _BY_REASON.get(reason) or _BY_CODE.get(code, IdsyncError)
    if issubclass(kind, InvalidRequestError):
        return kind(message, reason=reason if reason in _BY_REASON else None, fields=fields)
    if issubclass(kind, RateLimitedError):
        return kind(message, limit="", retry_delay_s=0.0)
    return kind(message)


def _details(error: grpc.aio.AioRpcError) -> Sequence[AnyMessage]:
    try:
        status = rpc_status.from_call(error)
    except (DecodeError, ValueError):
        # Garbage, or a status that contradicts itself: as good as none.
        return ()
    return () if status is None else status.details


def _detail(details: Sequence[AnyMessage], wanted: M) -> M:
    """Fill `wanted` from the first detail of its kind that can be read; it stays empty when there is none."""
    for detail in details:
        try:
            if detail.Unpack(wanted):
                break
        except DecodeError:
            wanted.Clear()
    return wanted


def _seconds(delay: Duration) -> float:
    return max(0.0, delay.seconds + delay.nanos / 1e9)
