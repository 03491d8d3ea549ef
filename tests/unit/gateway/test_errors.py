"""Errors over HTTP: one table, two bodies, and nothing that leaks (ID-232 to ID-234)."""

from __future__ import annotations

import json

import pytest

from idsync.gateway.errors import alias_error, identity_error, status_of
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

LIMITED = RateLimitedError("slow down", limit="workspace", retry_delay_s=2.1)

TABLE = [
    (InvalidRequestError("no JSON", reason="BAD_REQUEST"), 400, "BAD_REQUEST"),
    (InvalidRequestError("bad"), 400, "VALIDATION_ERROR"),
    (LookupFailedError("knownIdentities is empty."), 400, "LOOKUP_ERROR"),
    (InvalidAliasError("bad"), 400, "INVALID_DATA"),
    (ForbiddenError("no"), 403, "FORBIDDEN"),
    (NotFoundError("nobody"), 404, "NOT_FOUND_ERROR"),
    (LIMITED, 429, "TOO_MANY_REQUESTS"),
    (IdsyncError("secret"), 500, "INTERNAL_ERROR"),
    (StoreError("secret"), 500, "INTERNAL_ERROR"),
    (ConfigurationError("secret"), 500, "INTERNAL_ERROR"),
    (UnavailableError("secret"), 503, "INTERNAL_ERROR"),
    (ContentionError("secret"), 503, "INTERNAL_ERROR"),
    (DeadlineExceededError("secret"), 503, "INTERNAL_ERROR"),
]
IDS = [f"{type(error).__name__} {code}" for error, _, code in TABLE]


@pytest.mark.parametrize(("error", "status", "code"), TABLE, ids=IDS)
def test_identity_errors(error: IdsyncError, status: int, code: str) -> None:
    """ID-232, ID-233: the documented list and what the newest client reads; no code at the top."""
    response = identity_error(error, "r-1")
    body = json.loads(bytes(response.body))

    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert body["errors"] == body["Errors"] == [{"code": code, "message": body["errors"][0]["message"]}]
    assert (body["ErrorCode"], body["StatusCode"], body["RequestId"]) == (code, status, "r-1")
    assert set(body) == {"errors", "Errors", "ErrorCode", "StatusCode", "RequestId"}


@pytest.mark.parametrize(("error", "status", "code"), TABLE, ids=IDS)
def test_alias_errors(error: IdsyncError, status: int, code: str) -> None:
    """ID-232: its clients read code and message at the top."""
    response = alias_error(error)
    body = json.loads(bytes(response.body))

    assert response.status_code == status
    assert set(body) == {"code", "message"}
    assert body["code"] == code


@pytest.mark.parametrize(("error", "status", "code"), TABLE, ids=IDS)
def test_faults_of_the_service_say_nothing(error: IdsyncError, status: int, code: str) -> None:
    """What a caller did wrong is explained to him; what we did wrong is in the log."""
    message = json.loads(bytes(alias_error(error).body))["message"]

    assert message
    assert (message == error.message) == (status < 500)
    assert "secret" not in message


@pytest.mark.parametrize(
    "response", [identity_error(UnauthenticatedError("who"), "r"), alias_error(UnauthenticatedError("who"))]
)
def test_wrong_credentials_have_an_empty_answer(response: object) -> None:
    """ID-233; and no challenge, which would open a dialog in a page of our origin."""
    assert vars(response)["body"] == b""
    assert dict(vars(response)["raw_headers"]).keys() == {b"content-length"}
    assert vars(response)["status_code"] == 401


def test_a_limit_says_how_long_and_which() -> None:
    """ID-234: whole seconds, rounded up, and the level."""
    headers = identity_error(LIMITED, "r").headers

    assert headers["retry-after"] == "3"
    assert headers["x-mp-rate-limit-exceeded"] == "workspace"


@pytest.mark.parametrize("delay_s", [0.0, 0.001, 1.0])
def test_there_is_always_a_wait_and_never_none(delay_s: float) -> None:
    """ID-234: without one, clients wait for two hours."""
    limited = RateLimitedError("slow down", limit="", retry_delay_s=delay_s)
    unavailable = UnavailableError("away")
    unavailable.retry_delay_s = delay_s

    for error in (limited, unavailable, DeadlineExceededError("late")):
        assert alias_error(error).headers["retry-after"] == "1"


def test_only_levels_that_clients_know_are_named() -> None:
    """ID-234."""
    unknown = RateLimitedError("slow down", limit="kitchen", retry_delay_s=1)

    assert alias_error(unknown).headers["x-mp-rate-limit-exceeded"] == "system"


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_only_waits_that_help_are_named(status: int) -> None:
    for error, answered, _ in TABLE:
        if answered == status:
            assert "retry-after" not in alias_error(error).headers
            assert "x-mp-rate-limit-exceeded" not in alias_error(error).headers


def test_every_error_of_ours_has_a_status() -> None:
    """One that is added later is a fault of the service until the table says otherwise."""

    class NewError(NotFoundError):
        """Not in the table."""

    assert status_of(NewError("x")) == 404
