"""Every strategy that is installed passes the shipped suite; they are found as the service finds them."""

from __future__ import annotations

from idsync.resolve.registry import available_strategies, load_strategies
from idsync.testing.strategy_suite import StrategySuite

_FOUND = load_strategies(available_strategies())

globals().update(
    {
        f"Test_{name}": type(f"Test_{name}", (StrategySuite,), {"strategy": strategy})
        for name, strategy in _FOUND.items()
    }
)


def test_the_five_of_the_specification_are_there() -> None:
    """ID-030."""
    five = {"default", "profile_conversion", "profile_link", "profile_isolation", "best_match"}

    assert five <= _FOUND.keys()
