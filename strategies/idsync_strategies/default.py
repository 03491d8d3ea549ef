"""Default: the rules of profile conversion with fixed settings (section 7.2, ID-038)."""

from __future__ import annotations

from collections.abc import Iterator

from idsync.model.identity import IdentityType
from idsync.model.policy import Policy
from idsync.model.strategy import Strategy
from idsync_strategies.conversion import conversion_rules

__all__ = ["DEFAULT"]


def _faults(policy: Policy) -> Iterator[tuple[str, str]]:
    for setting, types in (("login_ids", policy.login), ("unique_ids", policy.unique)):
        for t in sorted(types - {IdentityType.CUSTOMERID}):
            yield setting, f"{t.wire_name}: the strategy default knows customerid only"


DEFAULT = Strategy(
    name="default",
    decide=conversion_rules("default"),
    aliasing=True,
    ephemeral_anonymous=True,
    by_standing=True,
    faults=_faults,
    warnings=Policy.login_rank_faults,
)
