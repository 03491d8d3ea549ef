"""A quarantine as a step, and its release."""

from __future__ import annotations

from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import ConflictError, IdsyncError, NotFoundError
from idsync.model.flag import Flag
from idsync.model.journal import Change, ChangeKind, Evidence
from idsync.model.policy import Policy
from idsync.model.quarantine import QuarantineRequest, Quarantining
from idsync.model.view import GraphView, ViewRequest

__all__ = ["QuarantineStep"]


class QuarantineStep:
    """One quarantine, or its release. Of two at once one wins, as both rest on the version of the value."""

    __slots__ = ("_outcome", "_request", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, request: QuarantineRequest, policy: Policy) -> None:
        self._request = request
        self._outcome: Quarantining | IdsyncError
        self.wanted = ViewRequest(request.graph, policy.login_set, [request.identity])

    def decide(self, view: GraphView) -> ChangeSet:
        """Plan the entry."""
        request = self._request
        holders = view.holders(request.identity)
        known = 0 if holders is None else len(holders.known)
        anonymous = 0 if holders is None else len(holders.anonymous)
        since = view.flags(request.identity).get(Flag.QUARANTINE, 0)
        change_set = ChangeSet(
            request.graph,
            0,
            view,
            identities={request.identity: 0 if holders is None else holders.version},
        )
        fault = self._fault(since, is_held=bool(known or anonymous))
        if fault is not None:
            self._outcome = fault
            return change_set
        self._outcome = Quarantining(request.identity, known, anonymous, since, 0)
        kind = ChangeKind.RELEASED if request.release else ChangeKind.QUARANTINED
        change_set.cause = "release" if request.release else "quarantine"
        change_set.rule = f"{change_set.cause}/ordered"
        change_set.changes = (Change(kind, 0, request.identity, alias_seq=since, reason=request.reason),)
        change_set.evidence = Evidence((request.identity,))
        change_set.request_id = request.request_id
        change_set.input_id = request.input_id
        return change_set

    def _fault(self, since: int, *, is_held: bool) -> IdsyncError | None:
        if self._request.release:
            return None if since else NotFoundError("the value is not quarantined")
        if since:
            error = ConflictError(f"journal entry {since} has quarantined it already")
            error.metadata = {"journal_seq": str(since)}
            return error
        if not is_held:
            return NotFoundError("no profile has this identity on its record")
        return None

    def answer(self, applied: Applied) -> Quarantining:
        """Say what was done, or raise what was refused."""
        done = self._outcome
        if isinstance(done, IdsyncError):
            raise done
        return Quarantining(
            done.identity, done.known, done.anonymous, done.since_seq or applied.seq, applied.seq
        )
