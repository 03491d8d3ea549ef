"""Errors become statuses in one table (ID-236)."""

from __future__ import annotations

import pytest
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

from idsync.model.errors import (
    ConfigurationError,
    ContentionError,
    DeadlineExceededError,
    ForbiddenError,
    IdsyncError,
    InvalidAliasError,
    InvalidRequestError,
    LookupFailedError,
    NotFoundError,
    RateLimitedError,
    StoreError,
    UnauthenticatedError,
    UnavailableError,
)
from idsync.server.wire.status import to_status
from idsync.v1.error_reason_pb2 import ErrorReason


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (InvalidRequestError("m"), Code.INVALID_ARGUMENT, "VALIDATION_ERROR"),
        (InvalidRequestError("m", reason="BAD_REQUEST"), Code.INVALID_ARGUMENT, "BAD_REQUEST"),
        (LookupFailedError("m"), Code.INVALID_ARGUMENT, "LOOKUP_ERROR"),
        (InvalidAliasError("m"), Code.INVALID_ARGUMENT, "INVALID_DATA"),
        (NotFoundError("m"), Code.NOT_FOUND, "NOT_FOUND_ERROR"),
        (UnauthenticatedError("m"), Code.UNAUTHENTICATED, "UNAUTHENTICATED"),
        (ForbiddenError("m"), Code.PERMISSION_DENIED, "FORBIDDEN"),
        (RateLimitedError("m", limit="app", retry_delay_s=2), Code.RESOURCE_EXHAUSTED, "TOO_MANY_REQUESTS"),
        (UnavailableError("m"), Code.UNAVAILABLE, "UNAVAILABLE"),
        (ContentionError("m"), Code.UNAVAILABLE, "UNAVAILABLE"),
        (IdsyncError("m"), Code.INTERNAL, "INTERNAL_ERROR"),
    ],
)
def test_code_and_reason(error: IdsyncError, code: int, reason: str) -> None:
    status = to_status(error)

    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (status.code, status.message) == (code, "m")
    assert (info.domain, info.reason) == ("idsync", reason)
    assert ErrorReason.Value(f"ERROR_REASON_{reason}")


@pytest.mark.parametrize("error", [ConfigurationError("m"), StoreError("m")])
def test_faults_of_ours_are_internal(error: IdsyncError) -> None:
    assert to_status(error).code == Code.INTERNAL


def test_deadline_keeps_its_code() -> None:
    assert to_status(DeadlineExceededError("m")).code == Code.DEADLINE_EXCEEDED


def test_fields_are_named() -> None:
    status = to_status(InvalidRequestError("m", fields=["a", "b.c"]))

    violations = BadRequest()
    assert status.details[1].Unpack(violations)
    assert [violation.field for violation in violations.field_violations] == ["a", "b.c"]


@pytest.mark.parametrize(
    ("error", "delay_s"),
    [(RateLimitedError("m", limit="app", retry_delay_s=0.25), 0.25), (ContentionError("m"), 0.1)],
)
def test_wait_is_said(error: IdsyncError, delay_s: float) -> None:
    status = to_status(error)

    retry = RetryInfo()
    assert status.details[1].Unpack(retry)
    assert retry.retry_delay.ToNanoseconds() == round(delay_s * 1e9)


def test_no_wait_where_it_would_not_help() -> None:
    assert len(to_status(NotFoundError("m")).details) == 1


def test_metadata_travels() -> None:
    """ID-234: which level."""
    info = ErrorInfo()
    to_status(RateLimitedError("m", limit="workspace", retry_delay_s=1)).details[0].Unpack(info)

    assert dict(info.metadata) == {"limit": "workspace"}
