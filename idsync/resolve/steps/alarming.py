"""An alarm about a value as a step: raised once, whoever sees it first, and ended when it has fallen."""

from __future__ import annotations

from dataclasses import dataclass

from idsync.model.changes import Applied, ChangeSet
from idsync.model.flag import Flag
from idsync.model.identity import GraphKey, Identity
from idsync.model.journal import Change, ChangeKind, Evidence
from idsync.model.policy import Policy
from idsync.model.view import GraphView, ViewRequest

__all__ = ["AlarmOrder", "AlarmStep", "is_above"]


@dataclass(frozen=True, slots=True)
class AlarmOrder:
    """What was seen of a value.

    Attributes:
        most: The limit.
        growth: Profiles that got it within the last 24 hours.
        quarantine: Quarantine it when the alarm is raised.
    """

    graph: GraphKey
    identity: Identity
    flag: Flag
    most: int
    growth: int
    quarantine: bool


def is_above(flag: Flag, most: int, known: int, anonymous: int, growth: int) -> bool:
    """Say whether a value is above a limit."""
    figure = {
        Flag.MANY_KNOWN: known,
        Flag.MANY_RECORDS: known + anonymous,
        Flag.FAST_GROWTH: growth,
    }
    return figure[flag] > most


class AlarmStep:
    """Raises an alarm, or ends it, as the value now is; nothing where that is so already."""

    __slots__ = ("_order", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, order: AlarmOrder, policy: Policy) -> None:
        self._order = order
        self.wanted = ViewRequest(order.graph, policy.login_set, [order.identity])

    def decide(self, view: GraphView) -> ChangeSet:
        """Plan the entry. It rests on the version of the value, so that of two nodes one writes it."""
        order = self._order
        holders, flags = view.holders(order.identity), view.flags(order.identity)
        change_set = ChangeSet(order.graph, 0, view)
        if holders is None:
            return change_set
        change_set.identities = {order.identity: holders.version}
        known, anonymous = len(holders.known), len(holders.anonymous)
        above = is_above(order.flag, order.most, known, anonymous, order.growth)
        if above is (order.flag in flags):
            return change_set
        figures = (
            f"{order.growth} within 24 h, limit {order.most}"
            if order.flag is Flag.FAST_GROWTH
            else f"{known} known, {anonymous} anonymous, limit {order.most}"
        )
        kind = ChangeKind.ALARM_RAISED if above else ChangeKind.ALARM_ENDED
        changes = [Change(kind, 0, order.identity, alias_seq=int(order.flag), reason=figures)]
        if above and order.quarantine and Flag.QUARANTINE not in flags:
            changes.append(Change(ChangeKind.QUARANTINED, 0, order.identity, reason=figures))
        change_set.cause = "alarm"
        change_set.rule = "alarm/raised" if above else "alarm/ended"
        change_set.changes = tuple(changes)
        change_set.evidence = Evidence((order.identity,))
        return change_set

    def answer(self, applied: Applied) -> int:
        """Give the position of the entry; 0: there was nothing to write."""
        return applied.seq
