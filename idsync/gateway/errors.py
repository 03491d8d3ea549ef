"""The only place where an error becomes an HTTP answer (ID-232 to ID-234)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import orjson
from starlette.responses import Response

from idsync.model.errors import (
    ConflictError,
    DeadlineExceededError,
    ForbiddenError,
    IdsyncError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)

__all__ = ["alias_error", "event_error", "identity_error", "status_of"]

_STATUSES: Final[Mapping[type[IdsyncError], int]] = {
    InvalidRequestError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    RateLimitedError: 429,
    IdsyncError: 500,
    UnavailableError: 503,
    DeadlineExceededError: 503,
}

_SERVICE_FAULTS: Final[Mapping[int, str]] = {500: "internal error", 503: "the service is not available now"}
"""What the outside learns when the service is at fault; the error's own text is for the log."""

_LIMIT_LEVELS: Final = frozenset({"org", "account", "app", "feed", "workspace", "system", "acceleration"})
"""The levels a client knows (ID-234)."""


def status_of(error: IdsyncError) -> int:
    """Find the status of the nearest class that has one."""
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)


def identity_error(error: IdsyncError, request_id: str) -> Response:
    """Answer a failed identity call: both spellings of the list, for the clients that read either (ID-232).

    Args:
        error: What went wrong.
        request_id: The caller's word for the request, else our trace id.
    """
    status = status_of(error)
    code, message = _code(error, status), _message(error, status)
    errors = [{"code": code, "message": message}]
    body = {
        "errors": errors,
        "Errors": errors,
        "ErrorCode": code,
        "StatusCode": status,
        "RequestId": request_id,
    }
    return _response(error, status, body)


def alias_error(error: IdsyncError) -> Response:
    """Answer a failed alias request, whose clients read `code` and `message` at the top (ID-232)."""
    status = status_of(error)
    return _response(error, status, {"code": _code(error, status), "message": _message(error, status)})


def event_error(error: IdsyncError) -> Response:
    """Answer a failed upload or a question of an operator: a list in lower case (EV-012)."""
    status = status_of(error)
    code = "BAD_REQUEST" if status == 400 else _code(error, status)  # noqa: PLR2004
    return _response(error, status, {"errors": [{"code": code, "message": _message(error, status)}]})


def _response(error: IdsyncError, status: int, body: Mapping[str, object]) -> Response:
    headers = _headers(error, status)
    if status == 401:  # noqa: PLR2004 - the documented answer has no body
        # And no WWW-Authenticate: in a page that shares our origin it would open a password dialog.
        return Response(status_code=status, headers=headers)
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


def _headers(error: IdsyncError, status: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status in (429, 503):
        # Clients that cannot read a delay wait for two hours, so there always is one (ID-234).
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_delay_s)))
    if status == 429:  # noqa: PLR2004
        level = error.metadata.get("limit", "")
        headers["X-mp-rate-limit-exceeded"] = level if level in _LIMIT_LEVELS else "system"
    return headers


def _code(error: IdsyncError, status: int) -> str:
    return "INTERNAL_ERROR" if status in _SERVICE_FAULTS else error.reason


def _message(error: IdsyncError, status: int) -> str:
    return _SERVICE_FAULTS.get(status, error.message)
