"""What a call could not do with one of its identities: said in the answer, the journal and a metric."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from idsync.model.identity import IdentityType

__all__ = ["Notice", "NoticeReason"]


class NoticeReason(IntEnum):
    """Why an identity of the request had less effect than a reader might expect."""

    BLANK = 1
    """Empty or white space: counts as not sent (ID-024)."""
    OPTED_OUT = 2
    """An advertising ID of zeros: counts as not sent (ID-025)."""
    LOGIN_ID_IN_LOGOUT = 3
    """Left out of a logout (ID-084)."""
    OUTSIDE_PRIORITY = 4
    """Kept as a descriptive identity only (ID-026)."""
    HELD_ELSEWHERE = 5
    """A unique value of another profile: not added (ID-072)."""
    IMMUTABLE_SET = 6
    """A second value of an immutable type: not added (ID-073)."""
    OLDEST_DROPPED = 7
    """Added, and the oldest value of the type dropped for it (ID-074)."""
    BLOCKED = 8
    """A value that the scope blocks: counts as not sent (`Policy.blocked_values`)."""
    CONFLICT = 9
    """A profile was passed over that has another value of this unique type (`Policy.conflict_guard`)."""
    FORBIDDEN = 10
    """A must-not-link keeps it off the profile: not added; the notice names the entry that forbade it."""
    QUARANTINED = 12
    """It finds nobody but the previous profile; recorded as ever. The notice names the entry that did it."""


class Notice(NamedTuple):
    """One identity that was ignored, withheld or capped; names the type, never the value.

    Attributes:
        seq: For `FORBIDDEN`: position of the entry that made the must-not-link; for `QUARANTINED` likewise.
    """

    type: IdentityType
    reason: NoticeReason
    seq: int = 0
