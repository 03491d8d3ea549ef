"""The two steps of an alias request: it is taken, and carried out when its time has come (section 10)."""

from __future__ import annotations

from idsync.model.aliasing import AliasRecord, AliasTerms
from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import IdsyncError, InvalidRequestError
from idsync.model.identity import GraphKey
from idsync.model.policy import Policy
from idsync.model.request import AliasRequest
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve.alias import plan_alias, plan_due

__all__ = ["AliasStep", "DueAliasStep"]


class AliasStep:
    """One alias request."""

    __slots__ = ("_error", "_request", "_terms", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, request: AliasRequest, terms: AliasTerms, policy: Policy) -> None:
        self._request = request
        self._terms = terms
        self._error: IdsyncError | None = None
        self.wanted = ViewRequest(
            request.graph, policy.login_set, (), (terms.source, terms.destination), aliases=True
        )

    def decide(self, view: GraphView) -> ChangeSet:
        """Judge the request by the history of its profiles (ID-186)."""
        self._error = None
        try:
            return plan_alias(self._request, self._terms, view)
        except InvalidRequestError as error:
            self._error = error
            return ChangeSet(self._request.graph, 0, view)

    def answer(self, applied: Applied) -> int:
        """Give the position of the entry that took it."""
        if self._error is not None:
            raise self._error
        return applied.seq


class DueAliasStep:
    """Carries out one alias request whose time has come (ID-187)."""

    __slots__ = ("_graph", "_record", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, graph: GraphKey, record: AliasRecord, policy: Policy) -> None:
        self._graph = graph
        self._record = record
        profiles = (record.terms.source, record.terms.destination)
        self.wanted = ViewRequest(graph, policy.login_set, (), profiles, aliases=True)

    def decide(self, view: GraphView) -> ChangeSet:
        """Plan the change of state; nothing if it was carried out already."""
        return plan_due(self._graph, self._record, view) or ChangeSet(self._graph, 0, view)

    def answer(self, applied: Applied) -> bool:
        """Say whether this step carried it out."""
        return applied.seq > 0
