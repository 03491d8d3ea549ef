"""Answers to calls that changed nothing in a candidate's graph, for as long as what they rest on stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from idsync.model.identity import Identity, Mpid
from idsync.model.view import Holders
from idsync.preview.comparison import Answered
from idsync.store.candidate import CandidateGraph
from idsync.store.candidate_person import Person

__all__ = ["MAX_REMEMBERED", "CallKey", "Remembered"]

MAX_REMEMBERED: Final = 1 << 18
"""Calls whose answers are remembered; then it begins anew. Each takes about half a kilobyte."""

CallKey: TypeAlias = tuple[str, bytes, Mpid | None]
"""Operation, what was sent as it is kept, and the profile that the client names."""


class _Answer(NamedTuple):
    """One answer, with the look that it rests on."""

    would: Answered
    nodes: tuple[Holders, ...]
    versions: tuple[int, ...]
    previous: tuple[Person | None, int]


class Remembered:
    """Recalls what a call was answered.

    A decision rests on who holds the identities sent, in which order and with what on their records, on the
    profile that the client names, and on whether the profile that is answered was overtaken (ID-011).

    Args:
        graph: The candidate's.
    """

    def __init__(self, graph: CandidateGraph) -> None:
        self._graph = graph
        self._answers: dict[CallKey, _Answer] = {}

    def recall(self, key: CallKey) -> Answered | None:
        """Give the answer to a call if it would be the same now."""
        known = self._answers.get(key)
        if known is None:
            return None
        would, nodes, versions, previous = known
        for node, version in zip(nodes, versions, strict=True):
            if node.version != version:
                return None
        if key[2] is not None and self._named(key[2]) != previous:
            return None
        if would.mpid and self._graph.people[would.mpid].overtaken:
            return None
        return would

    def keep(self, key: CallKey, identities: Iterable[Identity], would: Answered) -> None:
        """Remember the answer to a call that has just changed nothing."""
        nodes: list[Holders] = []
        for identity in identities:
            node = self._graph.holders(identity)
            if node is None:
                # nothing would tell that it has come
                return
            nodes.append(node)
        if len(self._answers) >= MAX_REMEMBERED:
            self._answers.clear()
        versions = tuple([node.version for node in nodes])
        self._answers[key] = _Answer(would, tuple(nodes), versions, self._named(key[2]))

    def _named(self, mpid: Mpid | None) -> tuple[Person | None, int]:
        person = None if mpid is None else self._graph.people.get(mpid)
        return person, 0 if person is None else person.version

    def forget(self) -> None:
        """Forget everything: what may be together has changed."""
        self._answers.clear()
