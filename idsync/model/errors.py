"""The error tree. Errors know nothing of gRPC or HTTP; two tables elsewhere translate them.

IdsyncError                    reason              when
├── InvalidRequestError        as given            the request is at fault (ID-233, 400)
│   ├── LookupFailedError      LOOKUP_ERROR        nothing to look up, or no such profile to change
│   └── InvalidAliasError      INVALID_DATA        ID-182 to ID-184
├── ConflictError              CONFLICT            the state of the graph stands against it (409)
├── NotFoundError              NOT_FOUND_ERROR     a search without a match, an unknown thing (404)
├── UnauthenticatedError       UNAUTHENTICATED     credentials missing or wrong (401)
├── ForbiddenError             FORBIDDEN           not for this caller or strategy (403)
├── AlreadyErasedError         ALREADY_ERASED      the profile was erased before
├── NoSigningKeyError          NO_SIGNING_KEY      there is nothing to sign a receipt with
├── RateLimitedError           TOO_MANY_REQUESTS   over a limit (429)
├── UnavailableError           UNAVAILABLE         the store is out of reach; nothing changed (503)
│   ├── ContentionError        UNAVAILABLE         too many writers raced; nothing changed
│   └── OverloadedError        UNAVAILABLE         too many calls are under way; nothing changed
├── DeadlineExceededError      DEADLINE_EXCEEDED   the caller's time was up; the outcome is not known
├── ConfigurationError         CONFIGURATION       a configuration file or setting is refused
└── StoreError                 STORE               a database is foreign, newer, older or damaged
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

__all__ = [
    "AlreadyErasedError",
    "ConfigurationError",
    "ConflictError",
    "ContentionError",
    "DeadlineExceededError",
    "ForbiddenError",
    "IdsyncError",
    "InvalidAliasError",
    "InvalidRequestError",
    "LookupFailedError",
    "NoSigningKeyError",
    "NotFoundError",
    "OverloadedError",
    "RateLimitedError",
    "StoreError",
    "UnauthenticatedError",
    "UnavailableError",
]


class IdsyncError(Exception):
    """Any error of ours: a stable `reason`, a text that may change, and metadata without personal data."""

    reason: str = "INTERNAL_ERROR"
    retry_delay_s: float = 0.0
    """Wait this long before trying again; 0 where that would not help."""
    attempts: int = 1
    """How often the call was tried before this was raised."""

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.metadata: Mapping[str, str] = metadata

    def copy(self) -> Self:
        """Give an error that says the same, for one more caller: each notes its own attempts."""
        twin = type(self).__new__(type(self), *self.args)
        twin.__dict__.update(self.__dict__)
        twin.__cause__ = self.__cause__
        return twin


class InvalidRequestError(IdsyncError):
    """The request is at fault; `fields` names the places, outermost first."""

    reason = "VALIDATION_ERROR"

    def __init__(self, message: str, *, reason: str | None = None, fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason
        self.fields = tuple(fields)


class LookupFailedError(InvalidRequestError):
    """Nothing to look up, a login without login ID, or a profile that does not exist (ID-150)."""

    reason = "LOOKUP_ERROR"


class InvalidAliasError(InvalidRequestError):
    """An alias request that breaks ID-182 to ID-184."""

    reason = "INVALID_DATA"


class ConflictError(IdsyncError):
    """The state of the graph stands against it: somebody was faster, or something rests on it."""

    reason = "CONFLICT"


class NotFoundError(IdsyncError):
    """A search or read-only call without a match (ID-087, ID-088), or a thing unknown to the caller."""

    reason = "NOT_FOUND_ERROR"


class UnauthenticatedError(IdsyncError):
    """Credentials are missing, unknown or wrong (ID-222)."""

    reason = "UNAUTHENTICATED"


class ForbiddenError(IdsyncError):
    """Not available to this caller, this workspace or with this strategy (ID-180)."""

    reason = "FORBIDDEN"


class AlreadyErasedError(IdsyncError):
    """The profile was erased before; the metadata `erasure_id` says by which erasure, where that is known."""

    reason = "ALREADY_ERASED"


class NoSigningKeyError(IdsyncError):
    """Nothing is erased without a receipt, and there is no key to sign it with."""

    reason = "NO_SIGNING_KEY"


class RateLimitedError(IdsyncError):
    """Over a limit (ID-234); `limit` names the level, `retry_delay_s` the wait."""

    reason = "TOO_MANY_REQUESTS"

    def __init__(self, message: str, *, limit: str, retry_delay_s: float) -> None:
        super().__init__(message, limit=limit)
        self.retry_delay_s = retry_delay_s


class UnavailableError(IdsyncError):
    """The store cannot be reached or cannot write; nothing was changed.

    A client raises it as well where the connection was lost under way: then that is not known.
    """

    reason = "UNAVAILABLE"
    retry_delay_s = 1.0


class ContentionError(UnavailableError):
    """Too many writers raced for the same identities; nothing was changed."""

    retry_delay_s = 0.1


class OverloadedError(UnavailableError):
    """Too many calls are under way; nothing was changed."""


class DeadlineExceededError(IdsyncError):
    """The time the caller gave was up before the answer came; whether anything was changed is not known."""

    reason = "DEADLINE_EXCEEDED"


class ConfigurationError(IdsyncError):
    """A configuration is refused; `faults` lists every one of them, with its line where known."""

    reason = "CONFIGURATION"

    def __init__(self, message: str, faults: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        """Show the faults below the message."""
        return "\n".join([self.message, *(f"  {fault}" for fault in self.faults)])


class StoreError(IdsyncError):
    """A database that cannot be used as it is: foreign, newer, older, damaged or in use."""

    reason = "STORE"
