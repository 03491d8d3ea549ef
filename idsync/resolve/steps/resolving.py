"""An identify, login, logout or search as a step: look, let the strategy decide, plan, answer (ID-040)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Final, cast

from idsync.model.changes import Applied, ChangeSet, Resolution
from idsync.model.decision import Decision, Refuse, Reuse
from idsync.model.errors import IdsyncError, LookupFailedError, NotFoundError
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import ChangeKind
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.quarantine import FindableView, quarantines
from idsync.model.recording import RecordedCall
from idsync.model.request import Operation, ResolveRequest
from idsync.model.standing import UNHELD, Newcomer, Standing
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve.guards import decide_guarded, is_all_blocked, without_blocked
from idsync.resolve.plan import Planned, plan_create, plan_reuse, read_only, rested_on
from idsync.resolve.recordable import Recordable
from idsync.resolve.repeat import repeated_logout
from idsync.resolve.ruling import Ruling
from idsync.resolve.scope import Scope
from idsync.resolve.steps.terms import key_of, keyed, may_search, refused_by, without_logins
from idsync.resolve.withholding import note_withheld, withheld, without

__all__ = ["ALL_BLOCKED", "CONFLICT", "QUARANTINED", "ResolveStep"]

ALL_BLOCKED: Final = "guards/all-blocked"
"""The rule of a refusal for want of identities, where there were only blocked ones."""
CONFLICT: Final = "guards/conflict"
"""The rule of a miss where the conflict guard kept a profile back."""
QUARANTINED: Final = "quarantine/passed-over"
"""The rule of a miss where a quarantined value would have found a profile."""

_SEARCH: Final = Operation.SEARCH
_CREATED: Final = ChangeKind.PROFILE_CREATED
_ADDED: Final = ChangeKind.IDENTITY_ADDED
_BECAME_KNOWN: Final = ChangeKind.BECAME_KNOWN


class ResolveStep:
    """One identify, login, logout or search."""

    __slots__ = ("_clock", "_outcome", "_request", "_scope", "_sent", "is_whole", "key")

    def __init__(self, request: ResolveRequest, scope: Scope, clock: Callable[[], int]) -> None:
        self._sent = request
        if scope.policy.blocked_values is not None:
            request = without_blocked(request, scope.policy.blocked_values)
        self.is_whole = request is self._sent
        self.key = key_of(request, scope.policy)
        self._request = without_logins(request, scope.policy)
        self._scope = scope
        self._clock = clock
        self._outcome: Planned | Ruling | Resolution | IdsyncError

    @property
    def sent(self) -> ResolveRequest:
        """The request without what counts as not sent; its notices say what that was."""
        return self._request

    @property
    def wanted(self) -> ViewRequest:
        """The holders of every identity of the request, and the profile it had before."""
        request, limits = self._request, self._scope.policy.max_per_type
        return ViewRequest(
            request.graph,
            self._scope.policy.login_set,
            list(request.identities.values()),
            () if request.previous_mpid is None else (request.previous_mpid,),
            records=bool(limits) and any(t in limits for t in request.identities),
            input_id=request.input_id,
            idempotency_key=request.idempotency_key,
        )

    def decide(self, view: GraphView) -> ChangeSet:
        """Let the strategy decide and plan what that writes (ID-040)."""
        request, policy = self._request, self._scope.policy
        earlier = None if request.idempotency_key is None else view.earlier
        if earlier is not None:
            self._outcome = repeated_logout(request, earlier, self._scope)
            return ChangeSet(request.graph, earlier.mpid, view)
        if policy.blocked_values is not None and is_all_blocked(request):
            self._outcome = LookupFailedError("knownIdentities is empty.")
            self._outcome.metadata = {"rule": ALL_BLOCKED}
            return keyed(ChangeSet(request.graph, 0, view), request)
        if view.has_quarantined:
            passed_over = quarantines(request, view, policy)
            if passed_over:
                return self._decide_without(passed_over, request, view, policy)
        if policy.conflict_guard:
            return self._decide_guarded(request, view, view, policy)
        decision = self._scope.strategy.decide(request, view, policy)
        if view.has_must_nots:
            return self._plan_apart(decision, request, view)
        return self._plan(decision, request, view)

    def _decide_without(
        self, passed_over: Mapping[Identity, int], request: ResolveRequest, view: GraphView, policy: Policy
    ) -> ChangeSet:
        """Decide by what is no key to be found by any more, and write as ever."""
        sent, decide = request, self._scope.strategy.decide
        findable = FindableView(view, passed_over, request.previous_mpid)
        notices = tuple(Notice(i.type, NoticeReason.QUARANTINED, seq) for i, seq in passed_over.items())
        request = replace(request, notices=(*request.notices, *notices))
        if policy.conflict_guard:
            change_set = self._decide_guarded(request, view, findable, policy)
        else:
            plan = self._plan_apart if view.has_must_nots else self._plan
            change_set = plan(decide(request, findable, policy), request, view)
        if isinstance(self._outcome, NotFoundError) and isinstance(decide(sent, view, policy), Reuse):
            self._outcome.metadata = {"rule": QUARANTINED}
        return change_set

    def _decide_guarded(
        self, request: ResolveRequest, view: GraphView, findable: GraphView, policy: Policy
    ) -> ChangeSet:
        """Decide with the conflict guard, and let the answer and the journal say what it changed."""
        guarded = decide_guarded(self._scope.strategy.decide, request, findable, policy)
        if guarded.notices:
            request = replace(request, notices=(*request.notices, *guarded.notices))
        plan = self._plan_apart if view.has_must_nots else self._plan
        change_set = plan(guarded.decision, request, view)
        change_set.profiles = {**change_set.profiles, **guarded.profiles}
        if guarded.notices and isinstance(self._outcome, NotFoundError):
            self._outcome.metadata = {"rule": CONFLICT}
        return change_set

    def _plan_apart(self, decision: Decision, request: ResolveRequest, view: GraphView) -> ChangeSet:
        """Plan without what a must-not-link keeps off the profile."""
        writes = request.operation is not _SEARCH and not request.read_only
        out: dict[Identity, int] = {}
        if writes and not isinstance(decision, Refuse):
            profile = view.profile(decision.match.mpid) if isinstance(decision, Reuse) else None
            out = withheld(request, view, self._scope.policy, profile)
        if not out:
            return self._plan(decision, request, view)
        change_set = self._plan(decision, without(request, out), view)
        note_withheld(change_set, view, out)
        return change_set

    def _plan(self, decision: Decision, request: ResolveRequest, view: GraphView) -> ChangeSet:
        policy = self._scope.policy
        writes = request.operation is not _SEARCH and not request.read_only
        if isinstance(decision, Refuse):
            self._outcome = LookupFailedError(decision.message)
            self._outcome.metadata = {"rule": decision.rule}
        elif isinstance(decision, Reuse):
            if writes:
                self._outcome = plan_reuse(request, view, policy, decision, self._clock())
            elif request.operation is _SEARCH and not may_search(request, view, policy, decision.match):
                self._outcome = NotFoundError("no profile matches an immutable ID of the request")
            else:
                self._outcome = read_only(request, view, policy, decision)
        elif writes:
            self._outcome = plan_create(request, view, policy, decision)
        else:
            self._outcome = NotFoundError("no profile matches")
        if isinstance(self._outcome, Planned):
            return keyed(self._outcome.change_set, request)
        return keyed(ChangeSet(request.graph, 0, view, identities=rested_on(request, view)), request)

    @property
    def likeness(self) -> Hashable | None:
        """All that the decision rests on besides the graph, but for what the values say."""
        request = self._request
        if self.key is None or not self._scope.strategy.by_standing:
            return None
        return (
            request.graph.scope,
            request.operation,
            request.read_only,
            request.previous_mpid is None,
            request.notices,
            *request.identities,
        )

    def ruling(self, standing: Standing) -> Ruling | None:
        """Give the answer apart from its values, if it created or found a profile and did no more."""
        planned = self._outcome
        if not isinstance(planned, Planned):
            return None
        if standing is UNHELD:
            if not _is_birth(planned, self._request):
                return None
        elif planned.change_set.changes:
            return None
        decided_by = planned.decided_by
        return Ruling(
            tuple(identity.type for identity in planned.matched),
            planned.is_known,
            self._scope.strategy.ephemeral_anonymous and not planned.is_known,
            planned.outcome,
            planned.rule,
            None if decided_by is None else decided_by.type,
            planned.notices,
        )

    def follow(self, ruling: Ruling) -> None:
        """Answer as was ruled."""
        self._outcome = ruling

    def newcomer(self, ruling: Ruling) -> Newcomer:
        """Give what `decide` would have planned."""
        request = self._request
        return Newcomer(
            request.graph,
            list(request.identities.values()),
            request.operation.value,
            ruling.rule,
            ruling.is_logged_in,
            request.request_id,
            request.input_id,
            ruling.notices,
        )

    def answer(self, applied: Applied) -> Resolution:
        """Give the answer, or raise what was refused."""
        if isinstance(self._outcome, Ruling):
            return self._outcome.answer(self._request.identities, applied.mpid, applied.seq)
        if isinstance(self._outcome, Planned):
            ephemeral = self._scope.strategy.ephemeral_anonymous
            return self._outcome.answer(applied.mpid, applied.seq, ephemeral_anonymous=ephemeral)
        if isinstance(self._outcome, IdsyncError):
            raise self._outcome.copy()
        return self._outcome

    # -- as it is recorded ---------------------------------------------------------------------------------

    @property
    def graph(self) -> GraphKey:
        """Where it looks."""
        return self._request.graph

    @property
    def recordable(self) -> bool:
        """Whether it could have written."""
        return self._request.operation is not _SEARCH and not self._request.read_only

    def is_told_by(self, change_set: ChangeSet | None) -> bool:
        """Say whether the entry names all that was sent; `None`: a birth of all that was looked up."""
        told = self._request.identities if change_set is None else change_set.evidence.asked
        return len(told) == len(self._sent.identities)

    def answered_like(self, other: Recordable) -> ResolveStep:
        """Take over the answer to a call that was sent in other words."""
        self._outcome = cast("ResolveStep", other)._outcome  # noqa: SLF001 - one of the same class
        return self

    def recorded(self, after_seq: int, seq: int, mpid: Mpid) -> RecordedCall | None:
        """Give the call as it was sent; `None`: it was answered as an earlier one."""
        sent, outcome = self._sent, self._outcome
        if isinstance(outcome, Resolution):
            return None
        refusal = outcome if isinstance(outcome, IdsyncError) else None
        rule = outcome.rule if not isinstance(outcome, IdsyncError) else refused_by(outcome)
        return RecordedCall(
            sent.graph,
            after_seq,
            seq,
            sent.operation.value,
            mpid if refusal is None else 0,
            sent.previous_mpid,
            rule,
            tuple(sent.identities.values()),
        )


def _is_birth(planned: Planned, request: ResolveRequest) -> bool:
    """Say whether a plan creates a profile that takes every identity of the request, and no more."""
    kinds = [change.kind for change in planned.change_set.changes]
    return kinds == [_CREATED, *[_ADDED] * len(request.identities), *[_BECAME_KNOWN] * planned.is_known]
