"""Rulings: what was decided of one call, apart from its values, is what others in its place are told.

A strategy that goes by standing sees who holds what, and not what a value says. So whoever brings values that
nobody ever had, or comes back with just what their profile was born with, is decided like the first who stood
so, if all else about the call is alike (`Step.likeness`).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, NamedTuple

from idsync.model.changes import Outcome, Resolution
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.notice import Notice
from idsync.model.standing import UNHELD, Standing

__all__ = ["MAX_RULINGS", "Ruling", "Rulings"]

MAX_RULINGS: Final = 4_096
"""Calls have few likenesses; strangers may make up many, and then all are forgotten."""


class Ruling(NamedTuple):
    """An answer apart from values and MPID; `Resolution` says what its parts are."""

    matched: tuple[IdentityType, ...]
    is_logged_in: bool
    is_ephemeral: bool
    outcome: Outcome
    rule: str
    decided_by: IdentityType | None
    notices: tuple[Notice, ...]

    def answer(self, identities: Mapping[IdentityType, Identity], mpid: Mpid, journal_seq: int) -> Resolution:
        """Give the answer to a call with these identities."""
        matched, is_logged_in, is_ephemeral, outcome, rule, decided_by, notices = self
        return Resolution(
            mpid,
            tuple([identities[t] for t in matched]),
            is_logged_in,
            is_ephemeral,
            outcome,
            rule,
            None if decided_by is None else identities[decided_by],
            journal_seq,
            notices,
        )


class Rulings:
    """What was ruled, by the likeness of calls and where they stood."""

    def __init__(self) -> None:
        self._rulings: dict[tuple[Hashable, bool], Ruling] = {}

    def __len__(self) -> int:
        return len(self._rulings)

    def clear(self) -> None:
        """Forget them all."""
        self._rulings.clear()

    def of(self, likeness: Hashable, standing: Standing) -> Ruling | None:
        """Give what was ruled of calls like one that stands so."""
        return self._rulings.get((likeness, standing is UNHELD))

    def keep(self, likeness: Hashable, standing: Standing, ruling: Ruling) -> None:
        """Keep what was ruled."""
        if len(self._rulings) >= MAX_RULINGS:
            self._rulings.clear()
        self._rulings[likeness, standing is UNHELD] = ruling
