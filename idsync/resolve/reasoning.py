"""Why a call has its answer, and the least that would have to be different for another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import combinations
from typing import Final, NamedTuple

from idsync.model.aliasing import AliasRecord
from idsync.model.changes import Applied, Outcome, Resolution
from idsync.model.errors import LookupFailedError, NotFoundError
from idsync.model.flag import Flag
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import NEW, Change, JournalEntry
from idsync.model.must_not import MustNot
from idsync.model.notice import Notice
from idsync.model.request import ResolveRequest
from idsync.model.view import GraphView, Holders, ProfileView
from idsync.resolve.recorded_view import RecordedView
from idsync.resolve.scope import Scope
from idsync.resolve.steps.resolving import ResolveStep
from idsync.resolve.visits import Visit, visits

__all__ = ["MAX_ALTERNATIVES", "Alteration", "Alternative", "Ending", "Kind", "Reasoning", "reason"]

MAX_ALTERNATIVES: Final = 20
"""Alternatives that are named."""
_MOST_ALTERED: Final = 2
"""Alterations at once."""


class Kind(IntEnum):
    """What is altered in a request; the numbers are those of the wire."""

    LEAVE_OUT = 1
    """An identity."""
    BRING = 2
    """An identity, in place of the one of its type, if there is one."""
    LEAVE_OUT_PREVIOUS = 3
    """The previous MPID."""


class Alteration(NamedTuple):
    """One thing that is different in a request."""

    kind: Kind
    identity: Identity | None = None


class Ending(NamedTuple):
    """How a call ends.

    Attributes:
        mpid: The profile; `None`: a new one, or none.
        rule: The rule that decided, also of a refusal; empty where nothing was found.
        message: What a refusal says; empty otherwise.
    """

    mpid: Mpid | None
    outcome: Outcome
    rule: str
    message: str = ""


class Alternative(NamedTuple):
    """A request that would have ended with another profile, and how."""

    alterations: tuple[Alteration, ...]
    ending: Ending


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Why a call has its answer.

    Attributes:
        decided_by: The identity that settled the walk (ID-063).
        visits: The types that the walk came to; none where the strategy decided without one.
        changes: What the call writes.
        notices: What is ignored, withheld or dropped, and why.
        alternatives: The smallest alterations of the request that lead to another profile, at most
            `MAX_ALTERNATIVES`; none where two alterations are not enough.
        alternative_count: How many there are of that size.
        is_whole: Whether all holders of every identity were looked at. If not, the answer may differ.
    """

    request: ResolveRequest
    ending: Ending
    decided_by: Identity | None
    visits: tuple[Visit, ...]
    changes: tuple[Change, ...]
    notices: tuple[Notice, ...]
    alternatives: tuple[Alternative, ...]
    alternative_count: int
    is_whole: bool


def reason(
    request: ResolveRequest, view: RecordedView, scope: Scope, others: Sequence[Identity], *, is_whole: bool
) -> Reasoning:
    """Decide a request as the resolver does, and look around it.

    Args:
        request: What is asked.
        view: The holders of all that the request or `others` name.
        scope: The settings.
        others: Identities that the request might have brought.
        is_whole: Whether the view holds all of them.
    """
    step = ResolveStep(request, scope, _no_time)
    ending, answer, changes = _ended(request, view, scope)
    found = _alternatives(request, view, scope, others, ending)
    walked = _walks(step.sent, view, scope)
    return Reasoning(
        request=request,
        ending=ending,
        decided_by=None if answer is None else answer.decided_by,
        visits=tuple(visits(step.sent, view, scope.policy)) if walked else (),
        changes=changes,
        notices=step.sent.notices if answer is None else answer.notices,
        alternatives=tuple(found[:MAX_ALTERNATIVES]),
        alternative_count=len(found),
        is_whole=is_whole,
    )


def _no_time() -> int:
    """Stand for the clock, which only says when activity is recorded (ID-214)."""
    return 0


def _ended(
    request: ResolveRequest, view: RecordedView, scope: Scope
) -> tuple[Ending, Resolution | None, tuple[Change, ...]]:
    step = ResolveStep(request, scope, _no_time)
    change_set = step.decide(view)
    try:
        answer = step.answer(Applied(change_set.mpid, 0, None))
    except (LookupFailedError, NotFoundError) as error:
        ending = Ending(None, Outcome.REFUSED, error.metadata.get("rule", ""), str(error))
        return ending, None, ()
    mpid = None if answer.mpid == NEW else answer.mpid
    return Ending(mpid, answer.outcome, answer.rule), answer, change_set.changes


class _Asked:
    """A view that notes whether anybody asked it who holds something."""

    def __init__(self, view: GraphView) -> None:
        self._view = view
        self.for_holders = False

    def holders(self, identity: Identity) -> Holders | None:
        self.for_holders = True
        return self._view.holders(identity)

    def profile(self, mpid: Mpid) -> ProfileView | None:
        return self._view.profile(mpid)

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


def _walks(request: ResolveRequest, view: GraphView, scope: Scope) -> bool:
    """Say whether the strategy looked at the graph at all; a logout may need no look (ID-103)."""
    asked = _Asked(view)
    scope.strategy.decide(request, asked, scope.policy)
    return asked.for_holders


def _alternatives(
    request: ResolveRequest, view: RecordedView, scope: Scope, others: Sequence[Identity], ending: Ending
) -> list[Alternative]:
    possible = list(_alterations(request, others))
    for size in range(1, _MOST_ALTERED + 1):
        found = []
        for alterations in combinations(possible, size):
            altered = _altered(request, alterations)
            if altered is None:
                continue
            other = _ended(altered, view, scope)[0]
            if other.outcome is not Outcome.REFUSED and (
                other.mpid != ending.mpid or ending.outcome is Outcome.REFUSED
            ):
                found.append(Alternative(alterations, other))
        if found:
            return found
    return []


def _alterations(request: ResolveRequest, others: Iterable[Identity]) -> Iterator[Alteration]:
    for identity in request.identities.values():
        yield Alteration(Kind.LEAVE_OUT, identity)
    if request.previous_mpid is not None:
        yield Alteration(Kind.LEAVE_OUT_PREVIOUS)
    for identity in others:
        if request.identities.get(identity.type) != identity:
            yield Alteration(Kind.BRING, identity)


def _altered(request: ResolveRequest, alterations: Iterable[Alteration]) -> ResolveRequest | None:
    """Give the altered request; `None` if nothing is left of it, or one type is meant twice."""
    identities = dict(request.identities)
    previous = request.previous_mpid
    types: set[IdentityType] = set()
    for kind, identity in alterations:
        if identity is None:
            previous = None
            continue
        if identity.type in types:
            return None
        types.add(identity.type)
        if kind is Kind.BRING:
            identities[identity.type] = identity
        else:
            del identities[identity.type]
    return replace(request, identities=identities, previous_mpid=previous) if identities else None
