"""Profile conversion: one profile from the first visit to the account (section 7.1)."""

from __future__ import annotations

from idsync.model.decision import Create, Decision, Reuse
from idsync.model.matching import usable_logins, walk
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.strategy import Strategy
from idsync.model.view import GraphView

__all__ = ["CONVERSION", "convert"]


def convert(request: ResolveRequest, view: GraphView, policy: Policy) -> Decision:
    """Decide by the table of 7.1: reuse whatever the walk finds, an anonymous match becomes known.

    A logout always opens a new anonymous profile (ID-103). Rules are named after the configured strategy,
    because `default` decides the same way (ID-110).
    """
    name = policy.strategy
    if request.operation is Operation.LOGOUT:
        return Create(f"{name}/logout")
    match = walk(request, view, policy)
    if match is not None and match.is_known:
        return Reuse(match, f"{name}/known")
    new_logins = bool(usable_logins(request, view, policy))
    if match is None:
        return Create(f"{name}/new-known" if new_logins else f"{name}/new-anonymous")
    return Reuse(match, f"{name}/converted" if new_logins else f"{name}/anonymous")


CONVERSION = Strategy(
    name="profile_conversion",
    decide=convert,
    aliasing=True,
    ephemeral_anonymous=True,
    warnings=Policy.login_rank_faults,
)
