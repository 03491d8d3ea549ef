"""Profile link: a new known user gets a profile of his own that remembers its source (section 7.3)."""

from __future__ import annotations

from idsync.model.decision import Create, Decision, Match, Reuse
from idsync.model.identity import Mpid
from idsync.model.matching import usable_logins, walk
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.strategy import Strategy
from idsync.model.view import GraphView
from idsync_strategies.parting import refuse_login_without_login_id

__all__ = ["LINK"]


def link(request: ResolveRequest, view: GraphView, policy: Policy) -> Decision:
    """Decide by the table of 7.3; every logout opens a new anonymous profile (ID-124)."""
    refusal = refuse_login_without_login_id(request, policy, "link")
    if refusal is not None:
        return refusal
    if request.operation is Operation.LOGOUT:
        return Create("link/logout")
    match = walk(request, view, policy)
    if match is not None and match.is_known:
        return Reuse(match, "link/known")
    if usable_logins(request, view, policy):
        return Create("link/new-known", source=_source(request, view, policy, match), beside=match)
    if match is not None:
        return Reuse(match, "link/anonymous")
    return Create("link/new-anonymous")


def _source(request: ResolveRequest, view: GraphView, policy: Policy, match: Match | None) -> Mpid | None:
    """Name the anonymous profile that a new known one came from (ID-122)."""
    if request.previous_mpid is not None:
        previous = view.profile(request.previous_mpid)
        if previous is not None and not policy.is_known(previous.types):
            return previous.mpid
    return None if match is None else match.mpid


LINK = Strategy(
    name="profile_link",
    decide=link,
    aliasing=True,
    ephemeral_anonymous=True,
    by_standing=True,
    faults=Policy.login_rank_faults,
)
