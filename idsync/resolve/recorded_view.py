"""A view of profiles that were read for inspection: what a decision would have seen of them, or would see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from idsync.model.aliasing import AliasRecord
from idsync.model.flag import Flag
from idsync.model.identity import Identity, Mpid, TypeSet, type_set
from idsync.model.must_not import MustNot
from idsync.model.profile import Profile, RecordedIdentity

__all__ = ["RecordedView"]


class _Ranked:
    """Profiles in the order of ID-011; implements `idsync.model.view.Ranked`."""

    def __init__(self, profiles: Iterable[_ProfileView]) -> None:
        self._mpids = [p.mpid for p in sorted(profiles, key=lambda p: p.recency, reverse=True)]

    def __len__(self) -> int:
        return len(self._mpids)

    def __contains__(self, mpid: object, /) -> bool:
        return mpid in self._mpids

    def newest_first(self) -> Iterator[Mpid]:
        return iter(self._mpids)


class _Holders:
    """Implements `idsync.model.view.Holders`."""

    def __init__(self, profiles: list[_ProfileView], described: frozenset[Mpid], login: TypeSet) -> None:
        self.version = 1
        self.known = _Ranked(p for p in profiles if p.types & login)
        self.anonymous = _Ranked(p for p in profiles if not p.types & login)
        self._described = described

    def has(self, mpid: Mpid) -> bool:
        return mpid in self.known or mpid in self.anonymous

    def describes(self, mpid: Mpid) -> bool:
        return mpid in self._described


class _ProfileView:
    """Implements `idsync.model.view.ProfileView`."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self.mpid = profile.mpid
        self.types = type_set(recorded.identity.type for recorded in profile.identities)
        self.recency = profile.recency
        self.version = 1
        # where it was in use without a return is not kept with a profile; no decision asks
        self.active_ms = profile.returned_ms or profile.created_ms
        self.overtaken = False

    def record(self) -> Mapping[Identity, int]:
        return _positions(self._profile.identities)

    def descriptions(self) -> Mapping[Identity, int]:
        return _positions(self._profile.descriptions)


class RecordedView:
    """Implements `idsync.model.view.GraphView` for decisions that are made to be told and never written.

    Versions say nothing here, and nobody is ever overtaken: nothing rests on what such a view shows.

    Args:
        profiles: All that hold what a request brings, and whatever else it names; erased ones are nobody.
        login: The types that make a profile known.
        links: The must-not-links that name what a request may bring.
        quarantined: What of it is quarantined, each with the entry that did it.

    Attributes:
        has_must_nots: Whether there are any must-not-links.
        has_quarantined: Whether anything is quarantined.
    """

    def __init__(
        self,
        profiles: Iterable[Profile],
        login: TypeSet,
        links: Sequence[MustNot] = (),
        quarantined: Mapping[Identity, int] = MappingProxyType({}),
    ) -> None:
        self._quarantined = quarantined
        self.has_quarantined = bool(quarantined)
        self._links = links
        self.has_must_nots = bool(links)
        self._profiles = {profile.mpid: _ProfileView(profile) for profile in profiles if not profile.erased}
        self._login = login
        self._held: dict[Identity, list[_ProfileView]] = {}
        self._described: dict[Identity, set[Mpid]] = {}
        for profile in self._profiles.values():
            for identity in profile.record():
                self._held.setdefault(identity, []).append(profile)
            for identity in profile.descriptions():
                self._described.setdefault(identity, set()).add(profile.mpid)

    @property
    def mpids(self) -> Iterable[Mpid]:
        """Everybody who is in it."""
        return self._profiles.keys()

    def holders(self, identity: Identity) -> _Holders | None:
        """Find the holders of an identity."""
        held, described = self._held.get(identity, []), frozenset(self._described.get(identity, ()))
        return _Holders(held, described, self._login) if held or described else None

    def profile(self, mpid: Mpid) -> _ProfileView | None:
        """Find a live profile."""
        return self._profiles.get(mpid)

    def must_nots(self, identity: Identity) -> Sequence[MustNot]:
        """Find the must-not-links that name an identity."""
        return [link for link in self._links if any(identity in side.identities for side in link.sides)]

    def flags(self, identity: Identity) -> Mapping[Flag, int]:
        """Say whether an identity is quarantined."""
        seq = self._quarantined.get(identity)
        return {} if seq is None else {Flag.QUARANTINE: seq}

    def aliases(self, _mpid: Mpid) -> Sequence[AliasRecord]:
        """Aliases have no part in resolution (ID-193)."""
        return ()

    @property
    def earlier(self) -> None:
        """A call that is told about is no repetition of itself."""
        return


def _positions(recorded: Iterable[RecordedIdentity]) -> dict[Identity, int]:
    return {each.identity: each.since_seq for each in recorded}
