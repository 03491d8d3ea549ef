"""Profile isolation: anonymous and known data stay apart (section 7.4)."""

from __future__ import annotations

from idsync.model.decision import Create, Decision, Reuse
from idsync.model.matching import Among, usable_logins, walk
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.strategy import Strategy
from idsync.model.view import GraphView
from idsync_strategies.parting import refuse_login_without_login_id

__all__ = ["ISOLATION"]


def isolate(request: ResolveRequest, view: GraphView, policy: Policy) -> Decision:
    """Decide by the table of 7.4; logout returns to the device's anonymous profile (ID-132, ID-133)."""
    refusal = refuse_login_without_login_id(request, policy, "isolation")
    if refusal is not None:
        return refusal
    if request.operation is Operation.LOGOUT:
        match = walk(request, view, policy, Among.ANONYMOUS)
        return Create("isolation/logout-new") if match is None else Reuse(match, "isolation/logout")
    match = walk(request, view, policy)
    if match is not None and match.is_known:
        return Reuse(match, "isolation/known")
    if usable_logins(request, view, policy):
        return Create("isolation/new-known", beside=match)
    if match is not None:
        return Reuse(match, "isolation/anonymous")
    return Create("isolation/new-anonymous")


ISOLATION = Strategy(
    name="profile_isolation",
    decide=isolate,
    aliasing=False,
    ephemeral_anonymous=False,
    by_standing=True,
    faults=Policy.login_rank_faults,
)
