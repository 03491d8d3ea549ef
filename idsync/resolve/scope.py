"""A scope, ready to decide: its settings with the strategy they name."""

from __future__ import annotations

from dataclasses import dataclass

from idsync.model.policy import Policy
from idsync.model.strategy import Strategy

__all__ = ["Scope"]


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope's settings and the strategy they name."""

    policy: Policy
    strategy: Strategy
