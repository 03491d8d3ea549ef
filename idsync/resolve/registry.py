"""Finds strategies by name among the entry points of installed packages; none is imported by name."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from idsync.model.errors import ConfigurationError
from idsync.model.strategy import Strategy

__all__ = ["GROUP", "available_strategies", "load_strategies"]

GROUP: Final = "idsync.strategies"
"""The entry point group in which a package offers its strategies."""


def load_strategies(names: Iterable[str]) -> dict[str, Strategy]:
    """Load the strategies with these names, and no others.

    Args:
        names: Names as configurations give them; one may occur several times.

    Returns:
        Each strategy by its name, in the order in which the names came.

    Raises:
        ConfigurationError: A name is offered by no package or by several, or what a package offers
            cannot be loaded or is not a strategy of that name; all such faults together.
    """
    offers = _offers()
    strategies: dict[str, Strategy] = {}
    faults: list[str] = []
    for name in dict.fromkeys(names):
        try:
            strategies[name] = _load(name, offers)
        except ConfigurationError as error:
            faults.append(error.message)
    if len(faults) == 1:
        raise ConfigurationError(faults[0])
    if faults:
        raise ConfigurationError("strategies cannot be loaded", faults)
    return strategies


def available_strategies() -> tuple[str, ...]:
    """Name every strategy that an installed package offers, sorted; nothing is loaded."""
    return tuple(sorted(_offers()))


def _offers() -> dict[str, list[EntryPoint]]:
    offers: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        offers.setdefault(point.name, []).append(point)
    return offers


def _load(name: str, offers: dict[str, list[EntryPoint]]) -> Strategy:
    points = offers.get(name, [])
    if not points:
        available = ", ".join(sorted(offers)) or "none"
        raise ConfigurationError(f"unknown strategy {name!r}; available: {available}")
    packages = " and ".join(sorted(_package(point) for point in points))
    if len(points) > 1:
        raise ConfigurationError(f"strategy {name!r} is offered by {packages}: remove all but one")
    try:
        found = points[0].load()
    except Exception as error:
        # A package of somebody else runs here: whatever it raises, its user must learn which one it was.
        raise ConfigurationError(
            f"strategy {name!r} of {packages} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, Strategy):
        raise ConfigurationError(
            f"strategy {name!r} of {packages} is a {type(found).__name__}, not a Strategy"
        )
    if found.name != name:
        raise ConfigurationError(f"strategy {name!r} of {packages} calls itself {found.name!r}")
    return found


def _package(point: EntryPoint) -> str:
    return "an unnamed package" if point.dist is None else point.dist.name
