"""Which part of the graph a reader may see: operators all of it, an input its own scope (ID-002)."""

from __future__ import annotations

from collections.abc import Mapping

from idsync.model.errors import ForbiddenError, NotFoundError
from idsync.model.identity import GraphKey
from idsync.resolve.resolver import Scope
from idsync.server.admission.caller import Caller
from idsync.server.wire.faults import environment_of, refuse

__all__ = ["Reach"]


class Reach:
    """Answers for the scopes of one service."""

    def __init__(self, scopes: Mapping[str, Scope]) -> None:
        self._scopes = scopes

    def shows(self, caller: Caller, graph: GraphKey) -> bool:
        """Say whether a reader may learn that something is in a graph at all."""
        return graph.scope in self._scopes and (caller.is_operator or graph.scope == caller.scope)

    def graph(self, caller: Caller, scope: str, environment: int) -> GraphKey:
        """Find the graph that a request is about.

        Raises:
            ForbiddenError: The caller may not read, or an input names another scope than its own.
            InvalidRequestError: An operator names no scope; the environment is unspecified or unknown.
            NotFoundError: There is no such scope.
        """
        caller.require_reader()
        if caller.is_operator:
            if not scope:
                raise refuse([("scope", "is empty; an operator must name it")])
            if scope not in self._scopes:
                raise NotFoundError("no such scope")
        elif scope not in {"", caller.scope}:
            raise ForbiddenError("an input may read its own scope only")
        return GraphKey(scope or caller.scope, environment_of(environment))

    def scope(self, graph: GraphKey) -> Scope:
        """Give the settings of a graph that `shows` or `graph` has let through."""
        return self._scopes[graph.scope]
