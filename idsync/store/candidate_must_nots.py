"""The must-not-links of a candidate's graph: those that stand, and those that were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from idsync.model.identity import Identity
from idsync.model.must_not import MustNot

__all__ = ["CandidateMustNots"]


class CandidateMustNots:
    """Finds must-not-links by an identity that they name, and by the commit that made them."""

    def __init__(self) -> None:
        self._made: dict[int, list[MustNot]] = {}
        self._standing: set[int] = set()
        self._naming: defaultdict[Identity, list[MustNot]] = defaultdict(list)
        self._withdrawn: dict[int, tuple[int, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._standing)

    def forbid(self, commit: int, links: list[MustNot]) -> None:
        """Add what a commit makes."""
        self._made[commit] = links
        self._standing.add(commit)
        for link in links:
            for identity in dict.fromkeys(i for side in link.sides for i in side.identities):
                self._naming[identity].append(link)

    def permit(self, commit: int, withdrawn: Iterable[int]) -> None:
        """Withdraw what commits made."""
        self._withdrawn[commit] = tuple(withdrawn)
        self._standing.difference_update(self._withdrawn[commit])

    def stands(self, commit: int) -> bool:
        """Say whether a commit made some, and they stand."""
        return commit in self._standing

    def naming(self, identity: Identity) -> Sequence[MustNot]:
        """Give those that stand and name an identity, oldest first."""
        named = self._naming.get(identity)
        return () if named is None else [link for link in named if link.seq in self._standing]

    def made(self, commit: int) -> Sequence[MustNot]:
        """Give those that a commit made, be they withdrawn since."""
        return self._made.get(commit, ())

    def withdrawn(self, commit: int) -> Sequence[int]:
        """Name the commits whose must-not-links a commit withdrew."""
        return self._withdrawn.get(commit, ())
