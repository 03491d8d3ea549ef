"""Resident nodes: the part of the graphs that is held in memory, and the order of holders (ID-011)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from idsync.model.identity import Mpid
from idsync.model.view import Ranked
from idsync.store.rows import IdentityRow, LinkRow, ProfileRow

__all__ = ["EMPTY", "IdentityNode", "ProfileNode", "Ranking"]

RecencyOf = Callable[[Mpid], int]


class _Empty:
    """Nobody."""

    __slots__ = ()

    def __len__(self) -> int:
        return 0

    def __contains__(self, _mpid: object, /) -> bool:
        return False

    def newest_first(self) -> Iterator[Mpid]:
        return iter(())


EMPTY: Final = _Empty()


class _Solo:
    """One profile: by far the most common case, so it costs no dictionary."""

    __slots__ = ("mpid",)

    def __init__(self, mpid: Mpid) -> None:
        self.mpid = mpid

    def __len__(self) -> int:
        return 1

    def __contains__(self, mpid: object, /) -> bool:
        return mpid == self.mpid

    def newest_first(self) -> Iterator[Mpid]:
        return iter((self.mpid,))


class Ranking(dict[Mpid, None]):
    """Several profiles; the order of keys is the order of ID-011, newest last."""

    __slots__ = ()

    @classmethod
    def of(cls, mpids: Iterable[Mpid]) -> Ranking:
        """Rank profiles that come oldest first."""
        return cls((mpid, None) for mpid in mpids)

    def newest_first(self) -> Iterator[Mpid]:
        """Go through them from the one returned or created last."""
        return reversed(self)


def _ranked(mpids: list[Mpid]) -> Ranked:
    if not mpids:
        return EMPTY
    return _Solo(mpids[0]) if len(mpids) == 1 else Ranking.of(mpids)


def _without(ranked: Ranked, mpid: Mpid) -> Ranked:
    if mpid not in ranked:
        return ranked
    if isinstance(ranked, Ranking):
        del ranked[mpid]
        return ranked if len(ranked) > 1 else _Solo(next(iter(ranked)))
    return EMPTY


def _with(ranked: Ranked, mpid: Mpid, recency_of: RecencyOf) -> Ranked:
    if ranked is EMPTY:
        return _Solo(mpid)
    newest = next(ranked.newest_first())
    if recency_of(newest) < recency_of(mpid):
        if isinstance(ranked, Ranking):
            ranked[mpid] = None
            return ranked
        return Ranking.of((newest, mpid))
    return _ranked(sorted((*ranked.newest_first(), mpid), key=recency_of))


@dataclass(slots=True)
class IdentityNode(IdentityRow):
    """An identity with its holders; implements `idsync.model.view.Holders`.

    Attributes:
        group: Number of the group that last changed it: not on disk, or not in the tables, before that is.
        used: Looked at since the last sweep for room.
    """

    known: Ranked = EMPTY
    anonymous: Ranked = EMPTY
    described: frozenset[Mpid] = frozenset()
    group: int = 0
    used: bool = True

    def has(self, mpid: Mpid) -> bool:
        """Say whether the identity is on the record of `mpid`."""
        return mpid in self.known or mpid in self.anonymous

    def describes(self, mpid: Mpid) -> bool:
        """Say whether `mpid` keeps it as a descriptive identity."""
        return mpid in self.described

    def drop(self, mpid: Mpid) -> None:
        """Take a holder away."""
        self.known = _without(self.known, mpid)
        self.anonymous = _without(self.anonymous, mpid)

    def put(self, mpid: Mpid, *, is_known: bool, recency_of: RecencyOf) -> None:
        """Put a holder into its place, wherever it was before."""
        if self.known is not EMPTY or self.anonymous is not EMPTY:
            self.drop(mpid)
        if is_known:
            self.known = _with(self.known, mpid, recency_of)
        else:
            self.anonymous = _with(self.anonymous, mpid, recency_of)

    def fill(self, holders: list[tuple[Mpid, bool]], recency_of: RecencyOf) -> None:
        """Set all holders, as (mpid, is_known) in any order."""
        if len(holders) > 1:
            holders = sorted(holders, key=lambda holder: recency_of(holder[0]))
        self.known = _ranked([mpid for mpid, is_known in holders if is_known])
        self.anonymous = _ranked([mpid for mpid, is_known in holders if not is_known])

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
        used: Looked at since the last sweep for room.
    """

    links: list[LinkRow] | None = None
    overtaken: bool | None = None
    group: int = 0
    used: bool = field(default=True)
