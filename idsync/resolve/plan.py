"""From a decision to a change set: what identify, login and logout write (section 5 of the specification)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from idsync.model.changes import ChangeSet, Outcome, Resolution
from idsync.model.decision import Create, Match, Reuse
from idsync.model.identity import Identity, Mpid
from idsync.model.journal import NEW, Change, ChangeKind, Evidence
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import ResolveRequest
from idsync.model.view import GraphView, Holders, ProfileView

__all__ = ["ACTIVITY_RESOLUTION_MS", "Planned", "plan_create", "plan_reuse", "read_only", "rested_on"]

ACTIVITY_RESOLUTION_MS: Final = 86_400_000
"""Where a retention is set, activity is recorded once a day and profile, not with each call (ID-214)."""
# A member of an enumeration costs ten times a name of the module, and each call needs several.
_ADDED: Final = ChangeKind.IDENTITY_ADDED
_DESCRIBED: Final = ChangeKind.DESCRIPTION_ADDED
_CREATED: Final = ChangeKind.PROFILE_CREATED
_BECAME_KNOWN: Final = ChangeKind.BECAME_KNOWN
_RETURNED: Final = ChangeKind.RETURNED
_ACTIVE: Final = ChangeKind.ACTIVE
_REMOVED: Final = ChangeKind.IDENTITY_REMOVED
_NEW_PROFILE: Final = Outcome.CREATED
_CONVERTED: Final = Outcome.CONVERTED
_FOUND: Final = Outcome.FOUND
_new: Final = tuple.__new__


@dataclass(slots=True)
class Planned:
    """A change set, and the answer to give once it holds."""

    change_set: ChangeSet
    matched: tuple[Identity, ...]
    is_known: bool
    outcome: Outcome
    rule: str
    decided_by: Identity | None
    notices: tuple[Notice, ...]

    def answer(self, mpid: Mpid, journal_seq: int, *, ephemeral_anonymous: bool) -> Resolution:
        """Give the answer (section 9): ephemeral are anonymous profiles of some strategies (ID-173)."""
        return Resolution(
            mpid,
            self.matched,
            self.is_known,
            ephemeral_anonymous and not self.is_known,
            self.outcome,
            self.rule,
            self.decided_by,
            journal_seq,
            self.notices,
        )


def rested_on(request: ResolveRequest, view: GraphView) -> dict[Identity, int]:
    """Give the version of each identity of the request; 0: there is no such identity (ID-041)."""
    conditions = {}
    for identity in request.identities.values():
        holders = view.holders(identity)
        conditions[identity] = 0 if holders is None else holders.version
    return conditions


@dataclass(slots=True)
class _Additions:
    """What a profile takes of a request, collected identity by identity, with the versions that rests on."""

    changes: list[Change] = field(default_factory=list)
    matched: list[Identity] = field(default_factory=list)
    asked: list[Identity] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    versions: dict[Identity, int] = field(default_factory=dict)
    types: int = 0

    def add(self, mpid: Mpid, identity: Identity) -> None:
        # What Change(_ADDED, mpid, identity) does, in a third of the time.
        self.changes.append(_new(Change, (_ADDED, mpid, identity, None, None, 0, "")))
        self.asked.append(identity)
        self.types |= 1 << identity.type

    def describe(self, mpid: Mpid, identity: Identity, holders: Holders | None) -> None:
        """Keep a value of a type outside the priority with the profile (ID-026)."""
        self.notices.append(Notice(identity.type, NoticeReason.OUTSIDE_PRIORITY))
        if holders is None or mpid == NEW or not holders.describes(mpid):
            self.changes.append(Change(_DESCRIBED, mpid, identity))
        self.asked.append(identity)

    def withhold(self, identity: Identity, reason: NoticeReason, holders: Holders | None) -> None:
        self.notices.append(Notice(identity.type, reason))
        if holders is not None:
            self.asked.append(identity)


def plan_create(request: ResolveRequest, view: GraphView, policy: Policy, decision: Create) -> Planned:
    """Plan a new profile with the identities of the request (ID-076)."""
    taken = _Additions()
    changes, asked, versions = taken.changes, taken.asked, taken.versions
    priority, unique, types = policy.priority_set, policy.unique_set, 0
    for t, identity in request.identities.items():
        holders = view.holders(identity)
        versions[identity] = 0 if holders is None else holders.version
        if not priority >> t & 1:
            taken.describe(NEW, identity, holders)
        elif unique >> t & 1 and _is_held(holders):
            taken.withhold(identity, NoticeReason.HELD_ELSEWHERE, holders)
        else:
            # what Change(_ADDED, NEW, identity) does, in a third of the time
            changes.append(_new(Change, (_ADDED, NEW, identity, None, None, 0, "")))
            asked.append(identity)
            types |= 1 << t
    taken.types = types
    is_known = policy.is_known(taken.types)
    first = [Change(_CREATED, NEW, other=decision.source)]
    if is_known:
        taken.changes.append(Change(_BECAME_KNOWN, NEW))
    conditions: dict[Mpid, int] = {}
    # The previous profile may have been looked at and passed over: that is a condition as well.
    for mpid in (request.previous_mpid, decision.source):
        seen = None if mpid is None else view.profile(mpid)
        if seen is not None:
            conditions[seen.mpid] = seen.version
    return _planned(
        request,
        view,
        NEW,
        decision.rule,
        _NEW_PROFILE,
        taken,
        tuple(first + taken.changes),
        conditions,
        decision.beside,
        is_known=is_known,
    )


def plan_reuse(
    request: ResolveRequest, view: GraphView, policy: Policy, decision: Reuse, now_ms: int
) -> Planned:
    """Plan what an existing profile absorbs (ID-070 to ID-075); it may be nothing at all."""
    mpid = decision.match.mpid
    profile = view.profile(mpid)
    assert profile is not None, "a match comes from the view"
    taken = _Additions(types=profile.types)
    matched, asked, versions = taken.matched, taken.asked, taken.versions
    priority = policy.priority_set
    for t, identity in request.identities.items():
        holders = view.holders(identity)
        versions[identity] = 0 if holders is None else holders.version
        if not priority >> t & 1:
            taken.describe(mpid, identity, holders)
        elif holders is not None and holders.has(mpid):
            matched.append(identity)
            asked.append(identity)
        elif policy.unique_set >> t & 1 and _is_held(holders):
            taken.withhold(identity, NoticeReason.HELD_ELSEWHERE, holders)
        elif policy.immutable_set & profile.types & (1 << t):
            taken.withhold(identity, NoticeReason.IMMUTABLE_SET, holders)
        else:
            _drop_oldest(identity, profile, policy, taken)
            taken.add(mpid, identity)
    is_known = policy.is_known(taken.types)
    converted = is_known and not policy.is_known(profile.types)
    if converted:
        taken.changes.append(Change(_BECAME_KNOWN, mpid))
    overtaken = profile.overtaken
    if overtaken or (taken.changes and _overtakes(profile, taken, view)):
        taken.changes.append(Change(_RETURNED, mpid))
    elif policy.inactive_days is not None and now_ms - profile.active_ms >= ACTIVITY_RESOLUTION_MS:
        taken.changes.append(Change(_ACTIVE, mpid))
    planned = _planned(
        request,
        view,
        mpid,
        decision.rule,
        _CONVERTED if converted else _FOUND,
        taken,
        tuple(taken.changes),
        {mpid: profile.version},
        decision.match,
        is_known=is_known,
    )
    planned.change_set.overtaken = overtaken
    return planned


def read_only(request: ResolveRequest, view: GraphView, policy: Policy, decision: Reuse) -> Planned:
    """Plan an answer without any change (ID-085, ID-088)."""
    mpid = decision.match.mpid
    profile = view.profile(mpid)
    assert profile is not None, "a match comes from the view"
    taken = _Additions()
    for t, identity in request.identities.items():
        holders = view.holders(identity)
        taken.versions[identity] = 0 if holders is None else holders.version
        if policy.priority_set >> t & 1 and holders is not None and holders.has(mpid):
            taken.matched.append(identity)
    is_known = policy.is_known(profile.types)
    return _planned(
        request,
        view,
        mpid,
        decision.rule,
        _FOUND,
        taken,
        (),
        {mpid: profile.version},
        decision.match,
        is_known=is_known,
    )


def _planned(
    request: ResolveRequest,
    view: GraphView,
    mpid: Mpid,
    rule: str,
    outcome: Outcome,
    taken: _Additions,
    changes: tuple[Change, ...],
    profiles: dict[Mpid, int],
    match: Match | None,
    *,
    is_known: bool,
) -> Planned:
    notices = (*request.notices, *taken.notices)
    matched = tuple(taken.matched)
    decided_by = None if match is None or outcome is _NEW_PROFILE else match.decided_by
    change_set = ChangeSet(request.graph, mpid, view, identities=taken.versions, profiles=profiles)
    if changes:
        change_set.cause = request.operation.value
        change_set.rule = rule
        change_set.changes = changes
        change_set.request_id = request.request_id
        change_set.input_id = request.input_id
        change_set.evidence = Evidence(
            tuple(taken.asked),
            matched,
            None if match is None else match.decided_by,
            0 if match is None else match.candidates,
            request.previous_mpid,
            notices,
        )
    return Planned(change_set, matched, is_known, outcome, rule, decided_by, notices)


def _is_held(holders: Holders | None) -> bool:
    return holders is not None and bool(len(holders.known) or len(holders.anonymous))


def _drop_oldest(identity: Identity, profile: ProfileView, policy: Policy, taken: _Additions) -> None:
    """Make room for one more value where the type has a maximum (ID-074)."""
    limit = policy.max_per_type.get(identity.type)
    if limit is None or not profile.types >> identity.type & 1:
        return
    values = [value for value in profile.record() if value.type == identity.type]
    for oldest in values[: max(len(values) + 1 - limit, 0)]:
        taken.changes.append(Change(_REMOVED, profile.mpid, oldest))
        taken.notices.append(Notice(identity.type, NoticeReason.OLDEST_DROPPED))


def _overtakes(profile: ProfileView, taken: _Additions, view: GraphView) -> bool:
    """Say whether what the profile takes brings it among newer ones, which its return overtakes (ID-011)."""
    for change in taken.changes:
        if change.kind is _ADDED and change.identity is not None:
            holders = view.holders(change.identity)
            if holders is not None and _newest(holders, view) > profile.recency:
                return True
    return False


def _newest(holders: Holders, view: GraphView) -> int:
    newest = 0
    for ranked in (holders.known, holders.anonymous):
        for mpid in ranked.newest_first():
            holder = view.profile(mpid)
            newest = max(newest, 0 if holder is None else holder.recency)
            break
    return newest
