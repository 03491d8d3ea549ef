"""The removal of a profile as a step."""

from __future__ import annotations

from idsync.model.changes import Applied, ChangeSet
from idsync.model.identity import GraphKey, Mpid
from idsync.model.journal import Change, ChangeKind
from idsync.model.policy import Policy
from idsync.model.view import GraphView, ViewRequest

__all__ = ["DeleteStep"]


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
