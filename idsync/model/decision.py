"""What a strategy may answer."""

from __future__ import annotations

from dataclasses import dataclass

from idsync.model.identity import Identity, Mpid

__all__ = ["Create", "Decision", "Match", "Refuse", "Reuse"]


@dataclass(slots=True)
class Match:
    """The result of the walk (section 4.2 of the specification).

    Attributes:
        decided_by: The identity after which one candidate was left, or the last one that narrowed them.
        candidates: How many were left when the walk ended; more than one: ID-064 or ID-065 chose.
    """

    mpid: Mpid
    is_known: bool
    decided_by: Identity
    candidates: int


@dataclass(slots=True)
class Reuse:
    """Answer with an existing profile; it absorbs what it lacks (ID-070)."""

    match: Match
    rule: str


@dataclass(slots=True)
class Create:
    """Answer with a new profile, which remembers the one it came from, if any (ID-122).

    Attributes:
        beside: The match that was passed over, kept as evidence.
    """

    rule: str
    source: Mpid | None = None
    beside: Match | None = None


@dataclass(slots=True)
class Refuse:
    """Answer with an error (400 `LOOKUP_ERROR`); `rule` says which rule refused, `message` why."""

    rule: str
    message: str


Decision = Reuse | Create | Refuse
