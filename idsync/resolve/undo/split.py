"""Takes chosen identities off a profile, onto a new or a named one."""

from __future__ import annotations

from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import ConflictError, IdsyncError, InvalidRequestError
from idsync.model.identity import Mpid
from idsync.model.policy import Policy
from idsync.model.undo import SplitRequest, Undone
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve.undo.draft import Draft

__all__ = ["SplitStep"]


class SplitStep:
    """One split."""

    __slots__ = ("_outcome", "_policy", "_request", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, request: SplitRequest, policy: Policy) -> None:
        self._request = request
        self._policy = policy
        self._outcome: Draft | IdsyncError
        named: tuple[Mpid, ...] = (request.mpid,) if request.onto is None else (request.mpid, request.onto)
        self.wanted = ViewRequest(
            request.graph,
            policy.login_set,
            list(request.identities),
            named,
            records=True,
            whole=[i for i in request.identities if i.type in policy.unique],
        )

    def decide(self, view: GraphView) -> ChangeSet:
        """Plan what moves; a preview plans the same."""
        request = self._request
        try:
            draft, change_set = self._planned(view)
        except IdsyncError as error:
            self._outcome = error
            return ChangeSet(request.graph, 0, view)
        self._outcome = draft
        if request.preview:
            return ChangeSet(request.graph, 0, view)
        change_set.request_id = request.request_id
        change_set.input_id = request.input_id
        return change_set

    def _planned(self, view: GraphView) -> tuple[Draft, ChangeSet]:
        request = self._request
        if request.onto == request.mpid:
            raise InvalidRequestError("onto_mpid: is the profile itself", fields=("onto_mpid",))
        draft = Draft(request.graph, view, self._policy)
        source = draft.sheet(request.mpid)
        target = draft.create() if request.onto is None else draft.sheet(request.onto)
        draft.require_version(request.expected_version)
        lacking = [n for n, identity in enumerate(request.identities) if identity not in source.record]
        if lacking:
            names = [f"identities[{n}]" for n in lacking]
            raise InvalidRequestError(
                "; ".join(f"{name}: is not on the profile" for name in names), fields=names
            )
        if request.onto is None and len(request.identities) == len(source.record):
            raise ConflictError("nothing would stay on the profile: name one that shall get it all")
        for identity in request.identities:
            draft.move(identity, source, target)
        draft.require_allowed()
        if request.forbid:
            draft.part(source, [target])
        rule = "split/new" if request.onto is None else "split/onto"
        return draft, draft.change_set(target.mpid, "split", rule, request.identities)

    def answer(self, applied: Applied) -> Undone:
        """Say what was done, or raise what was refused."""
        if isinstance(self._outcome, IdsyncError):
            raise self._outcome
        return self._outcome.undone(applied.mpid, applied.seq)
