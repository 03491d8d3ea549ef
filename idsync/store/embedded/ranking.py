"""Holders of one identity in the order of ID-011, as cheap as their number allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from idsync.model.identity import Mpid
from idsync.model.view import Ranked

__all__ = ["EMPTY", "Order", "Ranking", "Solo", "ranked", "with_holder", "without_holder"]


class Order(Protocol):
    """Knows the places of profiles in the order of ID-011."""

    def recency(self, mpid: Mpid) -> int:
        """Give the place of one that exists; greater is later."""
        ...

    def in_order(self, mpids: Sequence[Mpid]) -> list[Mpid]:
        """Sort profiles that exist, oldest first."""
        ...


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


class Solo:
    """One profile: by far the most common case, so it costs no dictionary."""

    __slots__ = ("mpid",)

    def __init__(self, mpid: Mpid) -> None:
        self.mpid = mpid

    def __len__(self) -> int:
        return 1

    def __contains__(self, mpid: object, /) -> bool:
        return mpid == self.mpid

    def newest_first(self) -> Iterator[Mpid]:
        """Go through the one there is."""
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


def ranked(mpids: Sequence[Mpid]) -> Ranked:
    """Rank any number of profiles that come oldest first."""
    if not mpids:
        return EMPTY
    return Solo(mpids[0]) if len(mpids) == 1 else Ranking.of(mpids)


def without_holder(holders: Ranked, mpid: Mpid) -> Ranked:
    """Give the holders without one, who need not be among them; the given ones are no longer of use."""
    if mpid not in holders:
        return holders
    if isinstance(holders, Ranking):
        del holders[mpid]
        return holders if len(holders) > 1 else Solo(next(iter(holders)))
    return EMPTY


def with_holder(holders: Ranked, mpid: Mpid, order: Order) -> Ranked:
    """Give the holders and one more in his place; the given ones are no longer of use.

    Whoever is added has mostly just returned, and is the newest. Only a modify gives a value to others.
    """
    if holders is EMPTY:
        return Solo(mpid)
    newest = next(holders.newest_first())
    if order.recency(newest) < order.recency(mpid):
        if isinstance(holders, Ranking):
            holders[mpid] = None
            return holders
        return Ranking.of((newest, mpid))
    return ranked(order.in_order((*holders.newest_first(), mpid)))
