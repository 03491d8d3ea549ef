"""What a strategy is: a pure function with a few facts about it (section 7 of the specification)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from idsync.model.decision import Decision
from idsync.model.policy import Policy
from idsync.model.request import ResolveRequest
from idsync.model.view import GraphView

__all__ = ["Decide", "Strategy"]

Decide = Callable[[ResolveRequest, GraphView, Policy], Decision]
"""Decides one request from what the graph shows; without clock, randomness or I/O."""


def _no_faults(_policy: Policy) -> Iterable[tuple[str, str]]:
    return ()


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy, as an entry point of the group `idsync.strategies` offers it.

    Attributes:
        name: The name that a configuration gives it by.
        decide: The decision itself.
        aliasing: Whether profiles may be aliased (ID-180).
        ephemeral_anonymous: Whether clients may forget anonymous profiles (ID-173).
        by_standing: `decide` goes by who holds what and by types alone, never by what a value says or by the
            number of an MPID, so that calls that stand alike are decided once for all of them.
        faults: What this strategy refuses in a policy, as (setting, text) (ID-036).
        warnings: What it accepts but advises against, likewise.
    """

    name: str
    decide: Decide
    aliasing: bool
    ephemeral_anonymous: bool
    by_standing: bool = False
    faults: Callable[[Policy], Iterable[tuple[str, str]]] = _no_faults
    warnings: Callable[[Policy], Iterable[tuple[str, str]]] = _no_faults
