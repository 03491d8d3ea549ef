"""What counts as a value at all, and how long it may be (ID-023 to ID-025, ID-241)."""

from __future__ import annotations

from typing import Final

from idsync.model.identity import ADVERTISING_TYPES, DEVICE_TYPES, IdentityType
from idsync.model.notice import NoticeReason

__all__ = ["MAX_DEVICE_CHARS", "MAX_USER_CHARS", "absence", "max_chars"]

MAX_USER_CHARS: Final = 256
MAX_DEVICE_CHARS: Final = 4096


def max_chars(identity_type: IdentityType) -> int:
    """Say how many characters (code points) a value of the type may have (ID-241)."""
    return MAX_DEVICE_CHARS if identity_type in DEVICE_TYPES else MAX_USER_CHARS


def absence(identity_type: IdentityType, value: str) -> NoticeReason | None:
    """Say why a value counts as not sent, or `None` if it counts.

    Blank values (ID-024) and advertising IDs of zeros and hyphens (ID-025) identify nobody.
    """
    if not value or value.isspace():
        return NoticeReason.BLANK
    if identity_type in ADVERTISING_TYPES and not value.strip("0-"):
        return NoticeReason.OPTED_OUT
    return None
