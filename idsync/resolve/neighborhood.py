"""The part of a graph around one profile or identity, as far as a person can look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from idsync.model.identity import GraphKey, Identity, Mpid, TypeSet
from idsync.model.profile import Profile
from idsync.model.view import ViewRequest
from idsync.store.protocol import Store

__all__ = ["MAX_IDENTITIES", "Neighborhood", "Neighbors", "Popularity"]

MAX_IDENTITIES: Final = 1_000
"""Identities that a neighbourhood shows; a record that strangers were welded into may have any number."""
_COUNTED_AT_ONCE: Final = 250


class Popularity(NamedTuple):
    """How many profiles have an identity on the record, and how many of them are shown."""

    known: int
    anonymous: int
    shown: int

    @property
    def left_out(self) -> int:
        """Holders that are not shown; somebody may have come or gone while it was looked at."""
        return max(self.known + self.anonymous - self.shown, 0)


@dataclass(frozen=True, slots=True)
class Neighborhood:
    """Profiles and identities within some steps of where it begins; a step is from one to the other.

    Attributes:
        profiles: The nearest first.
        identities: Those on records, the nearest first.
        hops: Steps to each profile and identity.
        identities_left_out: Identities of the profiles shown that are within reach and beyond the bound.
    """

    profiles: Mapping[Mpid, Profile]
    identities: Mapping[Identity, Popularity]
    hops: Mapping[Mpid | Identity, int]
    identities_left_out: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing else is connected with what is shown."""
        return not any(popularity.left_out for popularity in self.identities.values()) and all(
            recorded.identity in self.identities
            for profile in self.profiles.values()
            for recorded in profile.identities
        )


class Neighbors:
    """Looks around in the graphs of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def around(
        self, graph: GraphKey, start: Identity | Mpid, login: TypeSet, hops: int, most: int
    ) -> Neighborhood:
        """Go outward from a profile or an identity.

        Rare identities are followed before popular ones, so that a value of thousands does not take the room
        of all others.

        Args:
            graph: Where to look.
            start: A profile, which may be unknown or erased and then has no neighbours, or an identity.
            login: The types that make a profile known.
            hops: How many steps.
            most: How many profiles are shown.
        """
        walk = _Walk(self._store, graph, login, most)
        if isinstance(start, Identity):
            await walk.meet([start], 0)
        else:
            await walk.visit([start], 0)
        for hop in range(1, hops + 1):
            await walk.step(hop)
        return walk.seen()


class _Walk:
    """One way outward: what was found on it, and what the last step found."""

    def __init__(self, store: Store, graph: GraphKey, login: TypeSet, most: int) -> None:
        self._store = store
        self._graph = graph
        self._login = login
        self._most = most
        self._profiles: dict[Mpid, Profile] = {}
        self._identities: dict[Identity, tuple[int, int]] = {}
        self._shown: dict[Identity, int] = {}
        self._hops: dict[Mpid | Identity, int] = {}
        self._last_profiles: list[Profile] = []
        self._last_identities: list[Identity] = []
        self._left_out: set[Identity] = set()

    async def step(self, hop: int) -> None:
        profiles, self._last_profiles = self._last_profiles, []
        identities, self._last_identities = self._last_identities, []
        if profiles:
            await self.meet((r.identity for profile in profiles for r in profile.identities), hop)
        for identity in sorted(identities, key=self._count):
            room = self._most - len(self._profiles)
            shown = self._shown.get(identity, 0)
            if room > 0 and self._count(identity) > shown:
                holders = await self._store.find_profiles(self._graph, identity, room + shown)
                await self.visit([mpid for mpid in holders if mpid not in self._profiles][:room], hop)

    async def visit(self, mpids: Sequence[Mpid], hop: int) -> None:
        """Take profiles in."""
        found = await self._store.profiles(self._graph, mpids)
        for mpid in mpids:
            if mpid in found:
                self._profiles[mpid] = found[mpid]
                self._hops[mpid] = hop
                self._last_profiles.append(found[mpid])
                for recorded in found[mpid].identities:
                    self._shown[recorded.identity] = self._shown.get(recorded.identity, 0) + 1

    async def meet(self, identities: Iterable[Identity], hop: int) -> None:
        """Take identities in, and count who has them."""
        new = [identity for identity in dict.fromkeys(identities) if identity not in self._identities]
        room = MAX_IDENTITIES - len(self._identities)
        self._left_out.update(new[room:])
        new = new[:room]
        for begin in range(0, len(new), _COUNTED_AT_ONCE):
            some = new[begin : begin + _COUNTED_AT_ONCE]
            (view,) = await self._store.read_views([ViewRequest(self._graph, self._login, some)])
            for identity in some:
                holders = view.holders(identity)
                counts = (0, 0) if holders is None else (len(holders.known), len(holders.anonymous))
                self._identities[identity] = counts
                self._hops[identity] = hop
        self._last_identities.extend(new)

    def _count(self, identity: Identity) -> int:
        return sum(self._identities[identity])

    def seen(self) -> Neighborhood:
        return Neighborhood(
            self._profiles,
            {
                identity: Popularity(known, anonymous, self._shown.get(identity, 0))
                for identity, (known, anonymous) in self._identities.items()
            },
            self._hops,
            len(self._left_out),
        )
