"""What an alias request becomes once it is taken (section 10 of the specification)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from idsync.model.identity import Identity, Mpid

__all__ = ["AliasRecord", "AliasState", "AliasTerms"]


class AliasState(IntEnum):
    """Where a taken request stands (ID-195); the numbers are those of the wire and the store."""

    PENDING = 1
    APPLIED = 2
    IGNORED = 3


class AliasTerms(NamedTuple):
    """What was asked, with every default filled in; times in UTC milliseconds.

    Attributes:
        scope: `device` or `mpid` (ID-184).
        stamp: The device application stamp, for the scope `device`.
        apply_at_ms: When it is to be carried out (ID-187).
    """

    source: Mpid
    destination: Mpid
    start_ms: int
    end_ms: int
    scope: str
    stamp: Identity | None
    apply_at_ms: int


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """A taken request and its state.

    Attributes:
        seq: Position of the journal entry that took it.
        ignored_reason: Stable word for why it was ignored, else empty (ID-186).
        applied_ms: When it was carried out; `None` until then.
    """

    seq: int
    terms: AliasTerms
    state: AliasState
    arrived_ms: int
    ignored_reason: str = ""
    applied_ms: int | None = None
