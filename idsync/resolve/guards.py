"""The guards of a scope: what they keep out of a request, and what they change in its decision.

Both are off unless set, and both say what they did: in the answer, the journal entry and a metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from idsync.model.aliasing import AliasRecord
from idsync.model.blocking import BlockedValues
from idsync.model.conflict import Conflicts
from idsync.model.decision import Create, Decision, Match, Reuse
from idsync.model.flag import Flag
from idsync.model.identity import Identity, Mpid
from idsync.model.journal import JournalEntry
from idsync.model.must_not import MustNot
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest, ResolveRequest
from idsync.model.strategy import Decide
from idsync.model.view import GraphView, Holders, ProfileView

__all__ = ["Guarded", "decide_guarded", "is_all_blocked", "without_blocked", "without_blocked_changes"]

_BLOCKED: Final = NoticeReason.BLOCKED
_CONFLICT: Final = NoticeReason.CONFLICT
_LEFT_OUT: Final = NoticeReason.LOGIN_ID_IN_LOGOUT


def without_blocked(request: ResolveRequest, blocked: BlockedValues) -> ResolveRequest:
    """Leave out the values that count as not sent, before anything else happens."""
    out = [t for t, identity in request.identities.items() if blocked.blocks(t, identity.value)]
    if not out:
        return request
    left = {t: identity for t, identity in request.identities.items() if t not in out}
    return replace(request, identities=left, notices=(*request.notices, *(Notice(t, _BLOCKED) for t in out)))


def is_all_blocked(request: ResolveRequest) -> bool:
    """Say whether what was left out was all there was; a logout of login IDs had something (ID-084)."""
    reasons = {notice.reason for notice in request.notices}
    return not request.identities and _BLOCKED in reasons and _LEFT_OUT not in reasons


def without_blocked_changes(request: ModifyRequest, blocked: BlockedValues) -> ModifyRequest:
    """Count blocked new values as not sent, which is null (ID-162); old ones can still be removed."""
    changes: list[IdentityChange] = []
    notices = dict.fromkeys(request.notices)
    for change in request.changes:
        if change.new is not None and blocked.blocks(change.type, change.new.value):
            notices[Notice(change.type, _BLOCKED)] = None
            changes.append(IdentityChange(change.type, change.old, None))
        else:
            changes.append(change)
    if len(notices) == len(request.notices):
        return request
    return replace(request, changes=tuple(changes), notices=tuple(notices))


@dataclass(frozen=True, slots=True)
class Guarded:
    """A decision under the conflict guard.

    Attributes:
        notices: The types for whose sake profiles were passed over, if that changed the decision.
        profiles: Versions of the profiles that it rests on: those that were passed over, and the match.
    """

    decision: Decision
    notices: tuple[Notice, ...]
    profiles: dict[Mpid, int]


def decide_guarded(decide: Decide, request: ResolveRequest, view: GraphView, policy: Policy) -> Guarded:
    """Decide with the guard and without it, to tell whether it made a difference.

    Args:
        decide: The strategy.
        request: What is asked.
        view: What the graph shows.
        policy: Has `conflict_guard`.
    """
    watched = _Watched(view)
    decision = decide(request, watched, policy)
    conflicts = Conflicts(request, view, policy)
    match = _match(decision)
    profiles = {mpid: version for mpid, version in watched.seen.items() if conflicts.anywhere(mpid, request)}
    at_odds = bool(profiles)
    if match is not None and match.mpid in watched.seen:
        profiles[match.mpid] = watched.seen[match.mpid]
    if not at_odds:
        return Guarded(decision, (), profiles)
    plain = decide(request, view, replace(policy, conflict_guard=False))
    if _said(plain) == _said(decision):
        return Guarded(decision, (), profiles)
    passed_over = _match(plain)
    types = () if passed_over is None else conflicts.anywhere(passed_over.mpid, request)
    return Guarded(decision, tuple(Notice(t, _CONFLICT) for t in types or conflicts.types), profiles)


def _match(decision: Decision) -> Match | None:
    if isinstance(decision, Reuse):
        return decision.match
    return decision.beside if isinstance(decision, Create) else None


def _said(decision: Decision) -> tuple[type[Decision], str, Mpid | None, Mpid | None, Identity | None]:
    """Give what a caller or the journal learns of a decision, but for the number of candidates."""
    match = _match(decision)
    return (
        type(decision),
        decision.rule,
        decision.source if isinstance(decision, Create) else None,
        None if match is None else match.mpid,
        None if match is None else match.decided_by,
    )


class _Watched:
    """A view that notes which profiles were looked at."""

    def __init__(self, view: GraphView) -> None:
        self._view = view
        self.seen: dict[Mpid, int] = {}

    def holders(self, identity: Identity) -> Holders | None:
        return self._view.holders(identity)

    def profile(self, mpid: Mpid) -> ProfileView | None:
        profile = self._view.profile(mpid)
        if profile is not None:
            self.seen[mpid] = profile.version
        return profile

    def aliases(self, mpid: Mpid) -> Sequence[AliasRecord]:
        return self._view.aliases(mpid)

    @property
    def has_must_nots(self) -> bool:
        return self._view.has_must_nots

    def must_nots(self, identity: Identity) -> Sequence[MustNot]:
        return self._view.must_nots(identity)

    @property
    def has_quarantined(self) -> bool:
        return self._view.has_quarantined

    def flags(self, identity: Identity) -> Mapping[Flag, int]:
        return self._view.flags(identity)

    @property
    def earlier(self) -> JournalEntry | None:
        return self._view.earlier
