"""A value of a type that has become unique is taken off all records but one (ID-039)."""

from __future__ import annotations

from collections.abc import Iterator

from idsync.model.changes import Applied, ChangeSet
from idsync.model.identity import GraphKey, Mpid, type_set
from idsync.model.journal import Change, ChangeKind, Evidence
from idsync.model.policy import Policy
from idsync.model.settings_version import SharedValue
from idsync.model.view import GraphView, Holders, ProfileView, ViewRequest

__all__ = ["REPAIR_CAUSE", "REPAIR_RULE", "RepairStep"]

REPAIR_CAUSE = "repair"
REPAIR_RULE = "ID-039/unique"


class RepairStep:
    """Leaves one value to the profile that was returned or created last (ID-011, as in ID-065).

    The holders named may have changed since they were looked up: what is judged is the view. Only those that
    were named lose the value, so that one entry changes a bounded number of profiles.
    """

    __slots__ = ("_author", "_policy", "_shared", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, graph: GraphKey, shared: SharedValue, policy: Policy, author: str) -> None:
        self._shared = shared
        self._policy = policy
        self._author = author
        self.wanted = ViewRequest(graph, policy.login_set, (shared.identity,), shared.mpids, records=True)

    def decide(self, view: GraphView) -> ChangeSet:
        """Plan what is taken off whom; nothing if the value is on one record, or its type not unique."""
        graph, identity = self.wanted.graph, self._shared.identity
        holders = view.holders(identity)
        if holders is None or identity.type not in self._policy.unique:
            return ChangeSet(graph, 0, view)
        keeper = _newest(holders, view)
        losers = [
            profile
            for mpid in self._shared.mpids
            if mpid != keeper and holders.has(mpid) and (profile := view.profile(mpid)) is not None
        ]
        if keeper is None or not losers:
            return ChangeSet(graph, 0, view)
        kept = view.profile(keeper)
        assert kept is not None, "a holder comes from the view"
        return ChangeSet(
            graph,
            keeper,
            view,
            cause=REPAIR_CAUSE,
            rule=REPAIR_RULE,
            changes=tuple(change for loser in losers for change in self._changes(loser)),
            identities={identity: holders.version},
            profiles={kept.mpid: kept.version, **{loser.mpid: loser.version for loser in losers}},
            evidence=Evidence((identity,), (identity,)),
            input_id=self._author,
        )

    def _changes(self, loser: ProfileView) -> Iterator[Change]:
        identity = self._shared.identity
        yield Change(ChangeKind.IDENTITY_REMOVED, loser.mpid, identity)
        left = type_set(each.type for each in loser.record() if each != identity)
        if self._policy.is_known(loser.types) and not self._policy.is_known(left):
            yield Change(ChangeKind.BECAME_ANONYMOUS, loser.mpid)

    def answer(self, applied: Applied) -> int:
        """Give the position of the entry; 0 where there was nothing to do."""
        return applied.seq


def _newest(holders: Holders, view: GraphView) -> Mpid | None:
    """Name the holder that was returned or created last, known or not."""
    first = [next(ranked.newest_first(), None) for ranked in (holders.known, holders.anonymous)]
    seen = [profile for mpid in first if mpid is not None and (profile := view.profile(mpid)) is not None]
    return max(seen, key=lambda profile: profile.recency).mpid if seen else None
