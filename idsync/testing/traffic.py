"""Generated traffic: few identities, all calls, so that people collide all the time. Needs hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from hypothesis import strategies as st

from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.request import IdentityChange, Operation
from idsync.model.strategy import Strategy
from idsync.resolve.resolver import Scope
from idsync.testing.graphs import identity_maps
from idsync.testing.policies import TYPES, sound_policies
from idsync.testing.scribe import GRAPH

__all__ = [
    "GRAPHS",
    "Aliasing",
    "Call",
    "Delay",
    "Deletion",
    "Modifying",
    "Resolving",
    "batches",
    "modifyings",
    "resolvings",
    "scopes",
    "traffic",
]

GRAPHS: Final = (GRAPH, GraphKey(GRAPH.scope, Environment.DEVELOPMENT))
"""Where generated calls go; most of them to the first."""

Ordinal: TypeAlias = int
"""Means a profile: the one that was answered first, second, third; counted round if there are fewer."""

_DAY_MS: Final = 86_400_000
_VALUES: Final = ("1", "2")


@dataclass(frozen=True, slots=True)
class Resolving:
    """An identify, login, logout or search."""

    operation: Operation
    graph: GraphKey
    identities: dict[IdentityType, Identity]
    previous: Ordinal | None = None
    read_only: bool = False
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Modifying:
    """A modify."""

    graph: GraphKey
    target: Ordinal
    changes: tuple[IdentityChange, ...]
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Aliasing:
    """An alias request; its window in milliseconds before now, `None` where nothing is sent."""

    graph: GraphKey
    source: Ordinal
    destination: Ordinal
    start_ago_ms: int | None
    end_ago_ms: int | None
    stamp: str | None


@dataclass(frozen=True, slots=True)
class Deletion:
    """The end of a profile."""

    graph: GraphKey
    target: Ordinal


@dataclass(frozen=True, slots=True)
class Delay:
    """Time passes, and what has become due is done."""

    by_ms: int


Call: TypeAlias = Resolving | Modifying | Aliasing | Deletion | Delay


@st.composite
def scopes(draw: st.DrawFn, strategies: Sequence[Strategy]) -> Scope:
    """Draw a strategy with settings that it accepts."""
    strategy = draw(st.sampled_from(strategies))
    return Scope(draw(st.sampled_from(sound_policies(strategy))), strategy)


_graphs = st.sampled_from((GRAPHS[0],) * 5 + (GRAPHS[1],))
_ordinals = st.integers(0, 4)
_keys = st.sampled_from((None,) * 6 + ("k1", "k2"))


def resolvings() -> st.SearchStrategy[Resolving]:
    """Draw identify, login, logout and search, read-only ones among them."""
    return st.builds(
        Resolving,
        st.sampled_from((*Operation, Operation.IDENTIFY, Operation.LOGIN)),
        _graphs,
        identity_maps(min_size=1),
        st.none() | _ordinals,
        st.sampled_from((False,) * 5 + (True,)),
    ).flatmap(_with_key)


def _with_key(call: Resolving) -> st.SearchStrategy[Resolving]:
    if call.operation is not Operation.LOGOUT:
        return st.just(call)
    return _keys.map(lambda key: replace(call, idempotency_key=key))


@st.composite
def _changes(draw: st.DrawFn) -> IdentityChange:
    identity_type = draw(st.sampled_from(TYPES))
    values = st.none() | st.sampled_from([Identity(identity_type, value) for value in _VALUES])
    return IdentityChange(identity_type, draw(values), draw(values))


def modifyings() -> st.SearchStrategy[Modifying]:
    """Draw modifies of one to three changes."""
    changes = st.lists(_changes(), min_size=1, max_size=3).map(tuple)
    return st.builds(Modifying, _graphs, _ordinals, changes, _keys)


_windows = st.sampled_from((None, 0, _DAY_MS, 100 * _DAY_MS, -_DAY_MS))
_aliasings = st.builds(
    Aliasing, _graphs, _ordinals, _ordinals, _windows, _windows, st.sampled_from((None, "1", "2"))
)
_deletions = st.builds(Deletion, _graphs, _ordinals)
_delays = st.builds(Delay, st.sampled_from((1, 60_000, _DAY_MS, 3 * _DAY_MS)))


def batches(min_size: int = 1, max_size: int = 12) -> st.SearchStrategy[list[Resolving | Modifying]]:
    """Draw calls that may come in one batch."""
    return st.lists(st.one_of(resolvings(), resolvings(), modifyings()), min_size=min_size, max_size=max_size)


def traffic(max_size: int = 15) -> st.SearchStrategy[list[Call]]:
    """Draw calls one after another, more of those that come often."""
    often: list[st.SearchStrategy[Call]] = [resolvings()] * 4 + [modifyings()] * 2
    return st.lists(st.one_of(*often, _aliasings, _deletions, _delays), min_size=1, max_size=max_size)
