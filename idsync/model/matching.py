"""What strategies share: who may be returned, and the walk (section 4 of the specification)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import islice
from typing import Final

from idsync.model.conflict import Conflicts
from idsync.model.decision import Match
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.policy import Policy
from idsync.model.quarantine import recorded_holders
from idsync.model.request import ResolveRequest
from idsync.model.view import GraphView, Holders, Ranked

__all__ = ["Among", "login_identities", "opened_profiles", "usable_logins", "walk"]


class Among(Enum):
    """Which profiles a walk may return."""

    ELIGIBLE = "eligible"
    """Anonymous ones, and known ones that the request opens (ID-050, ID-051)."""
    ANONYMOUS = "anonymous"
    """Anonymous ones only (ID-132)."""


_ANONYMOUS: Final = Among.ANONYMOUS


def login_identities(request: ResolveRequest, policy: Policy) -> list[Identity]:
    """Give the login-type identities of the request."""
    return [identity for t, identity in request.identities.items() if t in policy.login]


def opened_profiles(request: ResolveRequest, view: GraphView, policy: Policy) -> set[Mpid]:
    """Find the known profiles that the request opens.

    A known profile needs one matching login ID (ID-050) and, if its record has immutable IDs, one matching
    immutable ID as well (ID-051).
    """
    opened: set[Mpid] = set()
    for identity in login_identities(request, policy):
        holders = view.holders(identity)
        if holders is None:
            continue
        mpids = holders.known.newest_first()
        opened.update((m for m in mpids if _allows(m, request, view, policy)) if policy.immutable else mpids)
    return opened


def _allows(mpid: Mpid, request: ResolveRequest, view: GraphView, policy: Policy) -> bool:
    """Say whether the immutable IDs of a known profile let the request in."""
    profile = view.profile(mpid)
    if profile is None:
        return False
    if not profile.types & policy.immutable_set:
        return True
    for t in policy.immutable:
        identity = request.identities.get(t)
        holders = None if identity is None else view.holders(identity)
        if holders is not None and holders.has(mpid):
            return True
    return False


def usable_logins(request: ResolveRequest, view: GraphView, policy: Policy) -> list[Identity]:
    """Give the login IDs of the request that could still be put on a new profile (ID-123).

    A unique value held by a profile that the request may not have is not among them, nor one that is
    quarantined and held. Call it when the walk gave no known profile.
    """
    usable = []
    for identity in login_identities(request, policy):
        holders = recorded_holders(view, identity) if view.has_quarantined else view.holders(identity)
        held = holders is not None and bool(len(holders.known) or len(holders.anonymous))
        if not (held and identity.type in policy.unique):
            usable.append(identity)
    return usable


class _Listed:
    """Some of the profiles of a set, in its order."""

    def __init__(self, members: list[Mpid]) -> None:
        self._members = members
        self._set = frozenset(members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, mpid: object, /) -> bool:
        return mpid in self._set

    def newest_first(self) -> Iterator[Mpid]:
        return iter(self._members)


def _intersection(one: Ranked, other: Ranked) -> Ranked:
    """Give who is in both of two sets; built from the shorter one, so that a popular value costs nothing."""
    shorter, longer = (one, other) if len(one) <= len(other) else (other, one)
    return _Listed([m for m in shorter.newest_first() if m in longer])


def walk(
    request: ResolveRequest, view: GraphView, policy: Policy, among: Among = Among.ELIGIBLE
) -> Match | None:
    """Find the one profile that the request means (ID-060 to ID-067).

    Args:
        request: Its identities, one per type.
        view: The holders of every identity of the request; of what is quarantined, whom it finds.
        policy: Gives the priority and the protections.
        among: Which profiles may be returned.

    Returns:
        The match, or `None` when no identity of the priority has an eligible holder (ID-066). Of several
        left at the end `previous_mpid` wins (ID-064), then the one returned or created last (ID-065), so
        that the answer never depends on the order of rows. With the conflict guard, nobody is eligible by a
        type who has another value of a unique type above it than the request brings.
    """
    identities = request.identities
    held: dict[IdentityType, Holders] = {}
    for t, identity in identities.items():
        holders = view.holders(identity)
        if holders is not None:
            held[t] = holders
    if not held:
        return None
    opened = set() if among is _ANONYMOUS else opened_profiles(request, view, policy)
    conflicts = Conflicts(request, view, policy) if policy.conflict_guard else None
    known: set[Mpid] = set()
    anonymous: Ranked | None = None
    decided_by: Identity | None = None
    for t in policy.priority:
        holders = held.get(t)
        if holders is None:
            continue
        if anonymous is None:
            next_known: set[Mpid] = _held(opened, holders)
            next_anonymous: Ranked = holders.anonymous
        else:
            next_known = _held(known, holders)
            next_anonymous = _intersection(anonymous, holders.anonymous) if len(anonymous) else anonymous
        if conflicts is not None:
            next_known = _known_at_one(next_known, t, conflicts)
            next_anonymous = _anonymous_at_one(next_anonymous, t, conflicts)
        size = len(next_known) + len(next_anonymous)
        if size == 0:
            continue
        if anonymous is None or size < len(known) + len(anonymous):
            decided_by = identities[t]
        known, anonymous = next_known, next_anonymous
        if size == 1:
            break
    if anonymous is None or decided_by is None:
        return None
    mpid, is_known = _chosen(known, anonymous, request.previous_mpid, view)
    return Match(mpid, is_known, decided_by, len(known) + len(anonymous))


def _held(mpids: set[Mpid], holders: Holders) -> set[Mpid]:
    return {m for m in mpids if m in holders.known} if mpids else mpids


def _known_at_one(mpids: set[Mpid], t: IdentityType, conflicts: Conflicts) -> set[Mpid]:
    """Leave those that are not at odds with the request in a type above `t`."""
    types = conflicts.above(t, is_known=True)
    return {m for m in mpids if not conflicts.of(m, types)} if types and mpids else mpids


def _anonymous_at_one(ranked: Ranked, t: IdentityType, conflicts: Conflicts) -> Ranked:
    """Leave those likewise; where every unique type is a login ID no anonymous profile needs a look."""
    types = conflicts.above(t, is_known=False)
    if not types or not len(ranked):
        return ranked
    return _Listed([m for m in ranked.newest_first() if not conflicts.of(m, types)])


def _chosen(known: set[Mpid], anonymous: Ranked, previous: Mpid | None, view: GraphView) -> tuple[Mpid, bool]:
    if previous is not None:
        if previous in known:
            return previous, True
        if previous in anonymous:
            return previous, False
    leaders = [(m, True) for m in known]
    leaders.extend((m, False) for m in islice(anonymous.newest_first(), 1))
    if len(leaders) == 1:
        return leaders[0]
    return max(leaders, key=lambda leader: _recency(leader[0], view))


def _recency(mpid: Mpid, view: GraphView) -> int:
    profile = view.profile(mpid)
    return 0 if profile is None else profile.recency
