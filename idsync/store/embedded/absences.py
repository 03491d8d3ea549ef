"""Which identities that are not resident are not in the tables either, so that nobody need look there."""

from __future__ import annotations

from typing import Final

from idsync.model.identity import Identity
from idsync.store.embedded.loader import digest
from idsync.store.embedded.membership import Membership

__all__ = ["Absences"]

_MAX_KNOWN: Final = 4_096


class Absences:
    """What is known to be absent in one graph; asked only about identities that are not resident.

    Args:
        membership: Rules out identities without a query.

    Attributes:
        known: Those that were looked for in vain, with their digests; forgotten now and then.
    """

    __slots__ = ("_membership", "known")

    def __init__(self, membership: Membership) -> None:
        self.known: dict[Identity, bytes] = {}
        self._membership = membership

    def shown(self, identity: Identity) -> bool:
        """Say whether the membership rules an identity out."""
        key = digest(identity[1].encode())
        if self._membership.rules_out(identity[0], key):
            self.note(identity, key)
            return True
        return False

    def note(self, identity: Identity, key: bytes) -> None:
        """Know of an identity, given with its digest, that it is not there."""
        if len(self.known) >= _MAX_KNOWN:
            self.known.clear()
        self.known[identity] = key

    def end(self, identity: Identity) -> None:
        """Know of an identity that it is there: to be called before it ceases to be resident."""
        key = self.known.pop(identity, None) or digest(identity.value.encode())
        self._membership.add(identity.type, key)
