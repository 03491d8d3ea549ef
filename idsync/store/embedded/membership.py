"""Which identities a graph has, in a few bytes each: to know without a query that there is none.

It may say yes to an identity that is not there: one that was erased, one whose group never reached the disk,
or one whose digest begins alike. That costs a look into the tables, where the value decides. It never says no
to one that is there, so digests are added before anybody can ask for them, and none is ever taken away.
"""

from __future__ import annotations

from collections import defaultdict

from idsync.store.embedded.digest_set import DigestSet

__all__ = ["Membership"]


class Membership:
    """The identities of one graph, by type and the digest of their value.

    Attributes:
        is_complete: Everything in the tables is known to it; before that, it rules nothing out.
    """

    __slots__ = ("_by_type", "is_complete")

    def __init__(self, *, is_complete: bool) -> None:
        self.is_complete = is_complete
        self._by_type: defaultdict[int, DigestSet] = defaultdict(DigestSet)

    def __len__(self) -> int:
        return sum(map(len, self._by_type.values()))

    def rules_out(self, identity_type: int, digest: bytes) -> bool:
        """Say whether there certainly is no such identity."""
        return self.is_complete and digest not in self._by_type[identity_type]

    def add(self, identity_type: int, digest: bytes) -> None:
        """Note an identity that is about to be."""
        self._by_type[identity_type].add(digest)

    def complete(self, written: dict[int, DigestSet]) -> None:
        """Take over what was found in the tables, by type, and keep what was added meanwhile."""
        added, self._by_type = self._by_type, defaultdict(DigestSet, written)
        for identity_type, digests in added.items():
            self._by_type[identity_type].update(digests)
        self.is_complete = True
