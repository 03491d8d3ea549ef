"""Best match: the walk alone decides (section 7.5)."""

from __future__ import annotations

from collections.abc import Iterator

from idsync.model.decision import Create, Decision, Reuse
from idsync.model.matching import walk
from idsync.model.policy import Policy
from idsync.model.request import ResolveRequest
from idsync.model.strategy import Strategy
from idsync.model.view import GraphView

__all__ = ["BEST_MATCH"]


def match_best(request: ResolveRequest, view: GraphView, policy: Policy) -> Decision:
    """Return the match or create; login and logout are an identify (ID-142)."""
    match = walk(request, view, policy)
    if match is None:
        return Create("best-match/new")
    return Reuse(match, "best-match/match")


def _faults(policy: Policy) -> Iterator[tuple[str, str]]:
    for setting, types in (
        ("login_ids", policy.login),
        ("unique_ids", policy.unique),
        ("immutable_ids", policy.immutable),
    ):
        for t in sorted(types):
            yield setting, f"{t.wire_name}: the strategy best_match has no such types"


BEST_MATCH = Strategy(
    name="best_match",
    decide=match_best,
    aliasing=False,
    ephemeral_anonymous=False,
    by_standing=True,
    faults=_faults,
)
