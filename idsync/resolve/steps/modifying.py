"""A modify as a step."""

from __future__ import annotations

from idsync.model.changes import Applied, ChangeSet, Modification
from idsync.model.errors import IdsyncError, InvalidRequestError
from idsync.model.identity import GraphKey, Mpid
from idsync.model.recording import RecordedCall
from idsync.model.request import ModifyRequest
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve.guards import without_blocked_changes
from idsync.resolve.modify import ModifyPlan, named
from idsync.resolve.recordable import Recordable
from idsync.resolve.repeat import repeated_modify
from idsync.resolve.scope import Scope
from idsync.resolve.steps.terms import keyed, refused_by

__all__ = ["ModifyStep", "modify_rule"]


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
            return keyed(self._outcome.change_set(), request)
        except InvalidRequestError as error:
            self._outcome = error
            target = view.profile(request.mpid)
            profiles = {} if target is None else {target.mpid: target.version}
            return keyed(ChangeSet(request.graph, request.mpid, view, profiles=profiles), request)

    def answer(self, applied: Applied) -> Modification:
        """Give the answer, or raise what was refused."""
        if isinstance(self._outcome, ModifyPlan):
            return self._outcome.answer(applied.seq)
        if isinstance(self._outcome, IdsyncError):
            raise self._outcome
        return self._outcome

    # -- as it is recorded ---------------------------------------------------------------------------------

    @property
    def graph(self) -> GraphKey:
        """Where it looks."""
        return self._sent.graph

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
