"""What the properties share: the five strategies, and a player over a fresh memory store."""

from __future__ import annotations

from typing import Final

from idsync.model.strategy import Strategy
from idsync.resolve.registry import load_strategies
from idsync.resolve.resolver import Scope
from idsync.store.memory import MemoryStore
from idsync.testing.clock import ManualClock
from idsync.testing.player import Player
from idsync.testing.traffic import scopes

STRATEGIES: Final[tuple[Strategy, ...]] = tuple(
    load_strategies(
        ["profile_conversion", "profile_link", "profile_isolation", "best_match", "default"]
    ).values()
)
any_scope = scopes(STRATEGIES)


def memory_player(scope: Scope) -> Player:
    """Start with an empty graph."""
    clock = ManualClock()
    return Player(MemoryStore(clock=clock), scope, clock)
