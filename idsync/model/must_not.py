"""Must-not-links: what an operator has said must never be on one profile.

One has two sides. No identity of a side may be put on a profile that the other side names, or that has an
identity of the other side on its record. What is on records already stays there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from idsync.model.identity import Identity, Mpid

__all__ = ["MAX_SIDE", "MustNot", "Side", "forbidding"]

MAX_SIDE: Final = 1_000
"""Identities that one side of a must-not-link may name."""


class Side(NamedTuple):
    """What one side names; values that were erased since are left out."""

    identities: tuple[Identity, ...] = ()
    mpid: Mpid | None = None


class MustNot(NamedTuple):
    """One must-not-link that stands; `seq` is the position of the entry that made it."""

    seq: int
    sides: tuple[Side, Side]

    def parts(self, identity: Identity, mpid: Mpid, record: Collection[Identity]) -> bool:
        """Say whether it keeps an identity off a profile with such a record."""
        for mine, other in (self.sides, self.sides[::-1]):
            if identity in mine.identities and (
                mpid == other.mpid or any(named in record for named in other.identities)
            ):
                return True
        return False


def forbidding(links: Iterable[MustNot], identity: Identity, mpid: Mpid, record: Collection[Identity]) -> int:
    """Give the position of the entry that keeps an identity off a profile; 0: none does.

    Args:
        links: The must-not-links that name the identity.
        identity: What would be put on the profile.
        mpid: The profile; `NEW` for one that is about to be made.
        record: What is on its record, with all that is put there at once.
    """
    return min((link.seq for link in links if link.parts(identity, mpid, record)), default=0)
