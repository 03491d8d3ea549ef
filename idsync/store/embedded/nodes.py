"""Resident nodes: the part of the graphs that is held in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from idsync.model.identity import Mpid
from idsync.model.view import Ranked
from idsync.store.embedded.ranking import EMPTY, Order, Solo, with_holder, without_holder
from idsync.store.rows import IdentityRow, LinkRow, ProfileRow

__all__ = ["IdentityNode", "ProfileNode"]


@dataclass(slots=True)
class IdentityNode(IdentityRow):
    """An identity with its holders; implements `idsync.model.view.Holders`.

    Attributes:
        group: Number of the group that last changed it: not on disk, or not in the tables, before that is.
        used: Looked at since it was last considered for leaving.
        is_member: The graph's membership knows of it, so that it may leave.
    """

    known: Ranked = EMPTY
    anonymous: Ranked = EMPTY
    described: frozenset[Mpid] = frozenset()
    group: int = 0
    used: bool = True
    is_member: bool = False

    def has(self, mpid: Mpid) -> bool:
        """Say whether the identity is on the record of `mpid`."""
        return mpid in self.known or mpid in self.anonymous

    def describes(self, mpid: Mpid) -> bool:
        """Say whether `mpid` keeps it as a descriptive identity."""
        return mpid in self.described

    def drop(self, mpid: Mpid) -> None:
        """Take a holder away."""
        self.known = without_holder(self.known, mpid)
        self.anonymous = without_holder(self.anonymous, mpid)

    def put(self, mpid: Mpid, *, is_known: bool, order: Order) -> None:
        """Put a holder into its place, wherever it was before."""
        if self.known is EMPTY and self.anonymous is EMPTY:
            alone = Solo(mpid)
            self.known, self.anonymous = (alone, EMPTY) if is_known else (EMPTY, alone)
            return
        self.drop(mpid)
        if is_known:
            self.known = with_holder(self.known, mpid, order)
        else:
            self.anonymous = with_holder(self.anonymous, mpid, order)

    def newest(self) -> Iterator[Mpid]:
        """Give the newest known and the newest anonymous holder, as far as there are any."""
        if self.known is not EMPTY:
            yield next(self.known.newest_first())
        if self.anonymous is not EMPTY:
            yield next(self.anonymous.newest_first())


@dataclass(slots=True)
class ProfileNode(ProfileRow):
    """A profile as far as it is resident.

    Attributes:
        links: Its open links, oldest first; `None` until somebody needs them.
        overtaken: Whether a profile that shares a value is newer; `None`: not known at the moment.
        group: Number of the group that last changed it.
        used: Looked at since it was last considered for leaving.
    """

    links: list[LinkRow] | None = None
    overtaken: bool | None = None
    group: int = 0
    used: bool = field(default=True)
