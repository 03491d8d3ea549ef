"""The specification as a machine: one graph, one call after another, decided by the pure resolver."""

from __future__ import annotations

from copy import copy
from typing import Any, Final

from idsync.model.changes import Applied
from idsync.model.errors import IdsyncError
from idsync.model.identity import Mpid
from idsync.model.journal import NEW
from idsync.resolve.step import Step
from idsync.store.codec import to_stored
from idsync.store.memory_graph import MemoryGraph
from idsync.store.memory_view import MemoryView

__all__ = ["Model", "snapshot"]

_FIRST_MPID: Final = 1_000_000


class Model:
    """Answers calls one after another; copies of it may go different ways."""

    def __init__(self, graph: MemoryGraph | None = None) -> None:
        self._graph = MemoryGraph() if graph is None else graph

    def copy(self) -> Model:
        """Give a model in the same state."""
        return Model(snapshot(self._graph))

    @property
    def seq(self) -> int:
        """Position of the newest entry."""
        return len(self._graph.journal)

    def play(self, step: Step[Any]) -> Any:
        """Take one step; gives its answer, or the error it ends with."""
        change_set = step.decide(MemoryView(self._graph, step.wanted))
        mpid: Mpid = change_set.mpid
        seq = 0
        if change_set.changes:
            seq = len(self._graph.journal) + 1
            mpid = _FIRST_MPID + seq if mpid == NEW else mpid
            self._graph.append(to_stored(change_set, seq, seq, mpid, self._graph.id_of))
        try:
            return step.answer(Applied(mpid, seq, None))
        except IdsyncError as error:
            return error


def snapshot(graph: MemoryGraph) -> MemoryGraph:
    """Copy a graph as it is at this moment."""
    twin = MemoryGraph()
    twin.identities = {key: copy(row) for key, row in graph.identities.items()}
    twin.ids = dict(graph.ids)
    twin.profiles = {key: copy(row) for key, row in graph.profiles.items()}
    twin.links = [copy(row) for row in graph.links]
    twin.aliases = {key: copy(row) for key, row in graph.aliases.items()}
    twin.journal = list(graph.journal)
    return twin
