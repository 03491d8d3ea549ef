"""Flags: what an operator or the radar has said of a value, whoever has it on the record.

Nothing is taken off anybody for a flag. Only a quarantine changes what calls are answered; see
`idsync.model.quarantine`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from idsync.model.identity import Identity

__all__ = ["ALARMS", "Flag", "Flagged"]


class Flag(IntEnum):
    """What is said of a value; the numbers are those of the wire and the store."""

    QUARANTINE = 1
    """It is no key by which anybody is found."""
    MANY_KNOWN = 2
    """More known profiles have it than the limit of its type (`max_known`)."""
    MANY_RECORDS = 3
    """More profiles have it, known or not (`max_records`)."""
    FAST_GROWTH = 4
    """More profiles got it within a day (`max_growth_per_day`)."""


ALARMS: Final = frozenset({Flag.MANY_KNOWN, Flag.MANY_RECORDS, Flag.FAST_GROWTH})
"""The flags that the radar raises by itself."""


class Flagged(NamedTuple):
    """A value with a flag that stands; `seq` is the position of the entry that raised it."""

    seq: int
    identity: Identity
    flag: Flag
