"""The must-not-links of one graph that stand: all of them are resident, as operators make few."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from idsync.model.identity import Identity
from idsync.model.must_not import MustNot
from idsync.store.must_nots import joined
from idsync.store.rows import MustNotRow

__all__ = ["StandingMustNots"]


class StandingMustNots:
    """Finds must-not-links by the id of an identity that they name."""

    def __init__(self, rows: Iterable[MustNotRow]) -> None:
        self._by_seq: defaultdict[int, list[MustNotRow]] = defaultdict(list)
        self._naming: defaultdict[int, set[int]] = defaultdict(set)
        for row in rows:
            self.add(row)

    def __bool__(self) -> bool:
        return bool(self._by_seq)

    def add(self, row: MustNotRow) -> None:
        """Add a member."""
        self._by_seq[row.seq].append(row)
        if row.identity_id is not None:
            self._naming[row.identity_id].add(row.seq)

    def end(self, seq: int) -> list[int]:
        """Take away what an entry forbade; gives the ids of the identities that were named."""
        ids = [row.identity_id for row in self._by_seq.pop(seq, ()) if row.identity_id is not None]
        for identity_id in ids:
            self._naming[identity_id].discard(seq)
        return ids

    def naming(self, identity_id: int, identity_of: Callable[[int], Identity]) -> list[MustNot]:
        """Give those that name an identity, oldest first."""
        seqs = self._naming.get(identity_id)
        if not seqs:
            return []
        identity = identity_of(identity_id)
        links = joined((row for seq in seqs for row in self._by_seq[seq]), identity_of)
        return [link for link in links if any(identity in side.identities for side in link.sides)]
