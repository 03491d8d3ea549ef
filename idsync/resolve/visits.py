"""The walk, told step by step: which types it visited, who was there, and who was protected by what."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

from idsync.model.conflict import Conflicts
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.matching import login_identities, opened_profiles
from idsync.model.policy import Policy
from idsync.model.quarantine import FindableView, quarantines
from idsync.model.request import ResolveRequest
from idsync.model.view import GraphView

__all__ = ["MAX_PROTECTED", "Protected", "Protection", "Visit", "visits"]

MAX_PROTECTED: Final = 20
"""Profiles that are named at one visit."""


class Protection(IntEnum):
    """Why a profile may not be returned; the numbers are those of the wire."""

    LOGIN_ID = 1
    """It is known, and the request brings none of its login IDs (ID-050)."""
    IMMUTABLE_ID = 2
    """It has immutable IDs, and the request brings none of them (ID-051)."""
    CONFLICT = 3
    """It has another value of a higher unique type (`conflict_guard`)."""


class Protected(NamedTuple):
    """A profile that was passed over.

    Attributes:
        identities: Those on its record that protect it.
    """

    mpid: Mpid
    by: Protection
    identities: tuple[Identity, ...]


class Visit(NamedTuple):
    """One type of the priority that the walk came to, with the request's identity.

    Attributes:
        known: Known profiles that have it.
        anonymous: Anonymous ones.
        protected: Those of them that were passed over, at most `MAX_PROTECTED`.
        protected_count: How many they are.
        eligible: Those that could be returned.
        candidates: How many were left after it.
        quarantined: The entry that quarantined the identity: of those who have it only the previous profile
            could be returned; 0: none did.
    """

    identity: Identity
    known: int
    anonymous: int
    protected: tuple[Protected, ...]
    protected_count: int
    eligible: int
    candidates: int
    quarantined: int = 0


def visits(request: ResolveRequest, view: GraphView, policy: Policy) -> list[Visit]:
    """Walk as `idsync.model.matching.walk` does (ID-060 to ID-063), and tell of it."""
    passed_over = quarantines(request, view, policy) if view.has_quarantined else {}
    findable = FindableView(view, passed_over, request.previous_mpid) if passed_over else view
    opened = opened_profiles(request, findable, policy)
    conflicts = Conflicts(request, findable, policy) if policy.conflict_guard else None
    candidates: set[Mpid] = set()
    told: list[Visit] = []
    for t in policy.priority:
        identity = request.identities.get(t)
        if identity is None:
            continue
        holders = view.holders(identity)
        known = [] if holders is None else list(holders.known.newest_first())
        anonymous = [] if holders is None else list(holders.anonymous.newest_first())
        protected: list[Protected] = []
        eligible: set[Mpid] = set()
        for mpid in (*known, *anonymous):
            if identity in passed_over and mpid != request.previous_mpid:
                continue
            is_known = mpid in known
            kept_by = _kept_by(mpid, request, findable, policy) if is_known and mpid not in opened else None
            if kept_by is None and conflicts is not None:
                types = conflicts.of(mpid, conflicts.above(t, is_known=is_known))
                kept_by = (
                    Protected(mpid, Protection.CONFLICT, _of_types(mpid, types, view)) if types else None
                )
            if kept_by is None:
                eligible.add(mpid)
            else:
                protected.append(kept_by)
        candidates = candidates & eligible or candidates or eligible
        told.append(
            Visit(
                identity,
                len(known),
                len(anonymous),
                tuple(protected[:MAX_PROTECTED]),
                len(protected),
                len(eligible),
                len(candidates),
                passed_over.get(identity, 0),
            )
        )
        if len(candidates) == 1:
            break
    return told


def _kept_by(mpid: Mpid, request: ResolveRequest, view: GraphView, policy: Policy) -> Protected:
    """Say what protects a known profile that the request does not open."""
    for identity in login_identities(request, policy):
        holders = view.holders(identity)
        if holders is not None and holders.has(mpid):
            return Protected(mpid, Protection.IMMUTABLE_ID, _of_types(mpid, policy.immutable, view))
    return Protected(mpid, Protection.LOGIN_ID, _of_types(mpid, policy.login, view))


def _of_types(mpid: Mpid, types: Iterable[IdentityType], view: GraphView) -> tuple[Identity, ...]:
    profile = view.profile(mpid)
    wanted = frozenset(types)
    return () if profile is None else tuple(i for i in profile.record() if i.type in wanted)
