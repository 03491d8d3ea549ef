"""Profile conversion: one profile from the first visit to the account (section 7.1)."""

from __future__ import annotations

from typing import Final

from idsync.model.decision import Create, Decision, Reuse
from idsync.model.matching import usable_logins, walk
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.strategy import Decide, Strategy
from idsync.model.view import GraphView

__all__ = ["CONVERSION", "conversion_rules"]


_LOGOUT: Final = Operation.LOGOUT


def conversion_rules(family: str) -> Decide:
    """Give the decisions of the table of 7.1, with rules named after a family of strategies.

    They reuse whatever the walk finds, and an anonymous match becomes known. A logout always opens a new
    anonymous profile (ID-103).
    """

    def convert(request: ResolveRequest, view: GraphView, policy: Policy) -> Decision:
        if request.operation is _LOGOUT:
            return Create(f"{family}/logout")
        match = walk(request, view, policy)
        if match is not None and match.is_known:
            return Reuse(match, f"{family}/known")
        new_logins = bool(usable_logins(request, view, policy))
        if match is None:
            return Create(f"{family}/new-known" if new_logins else f"{family}/new-anonymous")
        return Reuse(match, f"{family}/converted" if new_logins else f"{family}/anonymous")

    return convert


CONVERSION = Strategy(
    name="profile_conversion",
    decide=conversion_rules("conversion"),
    aliasing=True,
    ephemeral_anonymous=True,
    by_standing=True,
    warnings=Policy.login_rank_faults,
)
