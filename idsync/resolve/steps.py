"""The calls as steps of a round: each binds a request to the pure functions that decide it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Final, cast

from idsync.model.changes import Applied, ChangeSet, Modification, Resolution
from idsync.model.decision import Decision, Match, Refuse, Reuse
from idsync.model.errors import IdsyncError, InvalidRequestError, LookupFailedError, NotFoundError
from idsync.model.identity import GraphKey, Mpid
from idsync.model.journal import Change, ChangeKind
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.recording import RecordedCall
from idsync.model.request import ModifyRequest, Operation, ResolveRequest
from idsync.model.standing import UNHELD, Newcomer, Standing
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve.guards import decide_guarded, is_all_blocked, without_blocked, without_blocked_changes
from idsync.resolve.modify import ModifyPlan, named
from idsync.resolve.plan import Planned, plan_create, plan_reuse, read_only, rested_on
from idsync.resolve.recorder import Recordable
from idsync.resolve.repeat import repeated_logout, repeated_modify
from idsync.resolve.ruling import Ruling
from idsync.resolve.scope import Scope
from idsync.resolve.step import Key

__all__ = [
    "ALL_BLOCKED",
    "CONFLICT",
    "DeleteStep",
    "ModifyStep",
    "ResolveStep",
    "modify_rule",
    "refused_by",
    "repeat_key",
]

ALL_BLOCKED: Final = "guards/all-blocked"
"""The rule of a refusal for want of identities, where there were only blocked ones."""
CONFLICT: Final = "guards/conflict"
"""The rule of a miss where the conflict guard kept a profile back."""

_SEARCH: Final = Operation.SEARCH
_LOGOUT: Final = Operation.LOGOUT
_CREATED: Final = ChangeKind.PROFILE_CREATED
_ADDED: Final = ChangeKind.IDENTITY_ADDED
_BECAME_KNOWN: Final = ChangeKind.BECAME_KNOWN


def repeat_key(request: ResolveRequest, policy: Policy) -> Key | None:
    """Give what a call must have in common with this one to be answered alike; see `Step.key`."""
    if policy.blocked_values is not None:
        request = without_blocked(request, policy.blocked_values)
    return _key(request, policy)


def _key(request: ResolveRequest, policy: Policy) -> Key | None:
    """Give the key of a request without blocked values: kept with them, it could be of any length."""
    if request.idempotency_key is not None or policy.inactive_days is not None:
        return None
    return (
        request.graph,
        request.operation,
        request.read_only,
        request.previous_mpid,
        request.notices,
        *request.identities.values(),
    )


class ResolveStep:
    """One identify, login, logout or search."""

    __slots__ = ("_clock", "_outcome", "_request", "_scope", "_sent", "is_whole", "key")

    def __init__(self, request: ResolveRequest, scope: Scope, clock: Callable[[], int]) -> None:
        self._sent = request
        if scope.policy.blocked_values is not None:
            request = without_blocked(request, scope.policy.blocked_values)
        self.is_whole = request is self._sent
        self.key = _key(request, scope.policy)
        self._request = _without_logins(request, scope.policy)
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
            return _keyed(ChangeSet(request.graph, 0, view), request)
        if policy.conflict_guard:
            return self._decide_guarded(request, view, policy)
        return self._plan(self._scope.strategy.decide(request, view, policy), request, view)

    def _decide_guarded(self, request: ResolveRequest, view: GraphView, policy: Policy) -> ChangeSet:
        """Decide with the conflict guard, and let the answer and the journal say what it changed."""
        guarded = decide_guarded(self._scope.strategy.decide, request, view, policy)
        if guarded.notices:
            request = replace(request, notices=(*request.notices, *guarded.notices))
        change_set = self._plan(guarded.decision, request, view)
        change_set.profiles = {**change_set.profiles, **guarded.profiles}
        if guarded.notices and isinstance(self._outcome, NotFoundError):
            self._outcome.metadata = {"rule": CONFLICT}
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
            elif request.operation is _SEARCH and not _may_search(request, view, policy, decision.match):
                self._outcome = NotFoundError("no profile matches an immutable ID of the request")
            else:
                self._outcome = read_only(request, view, policy, decision)
        elif writes:
            self._outcome = plan_create(request, view, policy, decision)
        else:
            self._outcome = NotFoundError("no profile matches")
        if isinstance(self._outcome, Planned):
            return _keyed(self._outcome.change_set, request)
        return _keyed(ChangeSet(request.graph, 0, view, identities=rested_on(request, view)), request)

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


def refused_by(error: IdsyncError) -> str:
    """Name the rule of a refusal, or its reason where no rule has a name."""
    return error.metadata.get("rule") or error.reason


def _is_birth(planned: Planned, request: ResolveRequest) -> bool:
    """Say whether a plan creates a profile that takes every identity of the request, and no more."""
    kinds = [change.kind for change in planned.change_set.changes]
    return kinds == [_CREATED, *[_ADDED] * len(request.identities), *[_BECAME_KNOWN] * planned.is_known]


def _keyed(change_set: ChangeSet, request: ResolveRequest | ModifyRequest) -> ChangeSet:
    """Let what was decided rest on its idempotency key being new, be it a write or a refusal."""
    if request.idempotency_key is not None:
        change_set.input_id = request.input_id
        change_set.idempotency_key = request.idempotency_key
    return change_set


def _without_logins(request: ResolveRequest, policy: Policy) -> ResolveRequest:
    """Leave login IDs out of a logout before anything else happens (ID-084)."""
    if request.operation is not _LOGOUT or policy.login.isdisjoint(request.identities):
        return request
    left = {t: identity for t, identity in request.identities.items() if t not in policy.login}
    notices = tuple(
        Notice(t, NoticeReason.LOGIN_ID_IN_LOGOUT) for t in request.identities if t in policy.login
    )
    return ResolveRequest(
        request.operation,
        request.graph,
        left,
        request.previous_mpid,
        request.request_id,
        request.input_id,
        request.read_only,
        request.idempotency_key,
        (*request.notices, *notices),
    )


def _may_search(request: ResolveRequest, view: GraphView, policy: Policy, match: Match) -> bool:
    """Say whether a search may show its match (ID-086)."""
    if not policy.immutable or not policy.search_requires_immutable:
        return True
    for t in policy.immutable:
        identity = request.identities.get(t)
        holders = None if identity is None else view.holders(identity)
        if holders is not None and holders.has(match.mpid):
            return True
    return False


class ModifyStep:
    """One modify."""

    __slots__ = ("_outcome", "_request", "_scope", "_sent", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = True

    def __init__(self, request: ModifyRequest, scope: Scope) -> None:
        blocked = scope.policy.blocked_values
        self._sent = request
        if blocked is not None:
            request = without_blocked_changes(request, blocked)
        self._request = request
        self._scope = scope
        self._outcome: ModifyPlan | Modification | IdsyncError
        self.wanted = ViewRequest(
            request.graph,
            scope.policy.login_set,
            named(request),
            (request.mpid,),
            records=True,
            input_id=request.input_id,
            idempotency_key=request.idempotency_key,
        )

    def decide(self, view: GraphView) -> ChangeSet:
        """Work through the changes (ID-158)."""
        request = self._request
        earlier = None if request.idempotency_key is None else view.earlier
        try:
            if earlier is not None:
                self._outcome = repeated_modify(request, earlier, view, self._scope.policy)
                return ChangeSet(request.graph, request.mpid, view)
            self._outcome = ModifyPlan(request, view, self._scope.policy)
            return _keyed(self._outcome.change_set(), request)
        except InvalidRequestError as error:
            self._outcome = error
            target = view.profile(request.mpid)
            profiles = {} if target is None else {target.mpid: target.version}
            return _keyed(ChangeSet(request.graph, request.mpid, view, profiles=profiles), request)

    def answer(self, applied: Applied) -> Modification:
        """Give the answer, or raise what was refused."""
        if isinstance(self._outcome, ModifyPlan):
            return self._outcome.answer(applied.seq)
        if isinstance(self._outcome, IdsyncError):
            raise self._outcome
        return self._outcome

    # -- as it is recorded ---------------------------------------------------------------------------------

    def answered_like(self, other: Recordable) -> ModifyStep:
        """Take over the answer to a call that was sent in other words; no modify is answered for another."""
        del other
        return self

    def is_told_by(self, change_set: ChangeSet | None) -> bool:
        """Say that no entry tells which value was to take the place of which."""
        del change_set
        return False

    def recorded(self, after_seq: int, seq: int, mpid: Mpid) -> RecordedCall | None:
        """Give the call as it was sent; `None`: it was answered as an earlier one."""
        sent, outcome = self._sent, self._outcome
        if isinstance(outcome, Modification):
            return None
        refused = isinstance(outcome, IdsyncError)
        rule = refused_by(outcome) if isinstance(outcome, IdsyncError) else modify_rule(bool(seq))
        return RecordedCall(
            sent.graph, after_seq, seq, "modify", 0 if refused else mpid, sent.mpid, rule, (), sent.changes
        )


def modify_rule(changed: bool) -> str:
    """Name the rule of a modify that was carried out, by whether it changed anything."""
    return "modify/changed" if changed else "modify/unchanged"


class DeleteStep:
    """Removes one profile; its MPID stays dead (ID-212)."""

    __slots__ = ("_cause", "_graph", "_mpid", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, graph: GraphKey, mpid: Mpid, policy: Policy, cause: str) -> None:
        self._graph = graph
        self._mpid = mpid
        self._cause = cause
        self.wanted = ViewRequest(graph, policy.login_set, (), (mpid,), records=True)

    def decide(self, view: GraphView) -> ChangeSet:
        """Plan the removal; nothing if there is no such live profile."""
        profile = view.profile(self._mpid)
        if profile is None:
            return ChangeSet(self._graph, 0, view)
        return ChangeSet(
            self._graph,
            self._mpid,
            view,
            cause=self._cause,
            rule=f"{self._cause}/removed",
            changes=(Change(ChangeKind.PROFILE_ERASED, self._mpid),),
            profiles={self._mpid: profile.version},
        )

    def answer(self, applied: Applied) -> bool:
        """Say whether there was a profile to remove."""
        return applied.seq > 0
