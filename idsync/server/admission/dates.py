"""The forms of a `Date` that clients sign (ID-225)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["parse_date"]


def parse_date(text: str) -> int | None:
    """Read ISO 8601 basic or extended, or RFC 1123; without a zone it is UTC.

    Returns:
        UTC milliseconds, or `None` if the text is none of them.
    """
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    return None
