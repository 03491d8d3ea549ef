"""Strategies are found by entry point, whoever ships them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from idsync.model.errors import ConfigurationError
from idsync.model.strategy import Strategy
from idsync.resolve.registry import available_strategies, load_strategies

OURS = ("best_match", "default", "profile_conversion", "profile_isolation", "profile_link")


def install(folder: Path, package: str, points: dict[str, str], source: str = "") -> None:
    """Put a package with entry points into a folder, the way an installer leaves it."""
    module = package.replace("-", "_")
    (folder / f"{module}.py").write_text(source)
    information = folder / f"{module}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in points.items()]
    (information / "entry_points.txt").write_text("[idsync.strategies]\n" + "\n".join(lines) + "\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which packages are imported, for one test."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


COIN = """
from idsync.model.decision import Create
from idsync.model.strategy import Strategy
COIN = Strategy("coin", lambda *_: Create("coin/new"), aliasing=False, ephemeral_anonymous=False)
"""


def test_our_strategies_are_offered_as_anybodys_would_be() -> None:
    """ID-030."""
    assert set(OURS) <= set(available_strategies())


def test_the_strategies_asked_for_are_loaded_by_name() -> None:
    loaded = load_strategies(["profile_link", "default", "profile_link"])

    assert list(loaded) == ["profile_link", "default"]
    assert {name: strategy.name for name, strategy in loaded.items()} == {n: n for n in loaded}
    assert all(isinstance(strategy, Strategy) for strategy in loaded.values())


def test_a_package_of_somebody_else_adds_a_strategy(site: Path) -> None:
    install(site, "idsync-strategies-coin", {"coin": "idsync_strategies_coin:COIN"}, COIN)

    assert load_strategies(["coin"])["coin"].name == "coin"
    assert "coin" in available_strategies()


def test_only_what_is_asked_for_is_loaded(site: Path) -> None:
    """What is merely installed must not run."""
    install(site, "broken-strategies", {"broken": "broken_strategies:NOTHING"}, "raise SystemError('boom')")

    load_strategies(OURS)

    assert "broken_strategies" not in sys.modules


def test_a_name_offered_twice_is_refused_naming_both_packages(site: Path) -> None:
    install(site, "first-strategies", {"coin": "first_strategies:COIN"}, COIN)
    install(site, "second-strategies", {"coin": "second_strategies:COIN"}, COIN)

    with pytest.raises(ConfigurationError) as caught:
        load_strategies(["coin"])

    assert caught.value.message == (
        "strategy 'coin' is offered by first-strategies and second-strategies: remove all but one"
    )


def test_an_unknown_name_is_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_strategies(["default", "nope"])

    assert caught.value.message == f"unknown strategy 'nope'; available: {', '.join(available_strategies())}"


def test_all_faults_are_told_together() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_strategies(["nope", "default", "neither"])

    assert [fault.partition(";")[0] for fault in caught.value.faults] == [
        "unknown strategy 'nope'",
        "unknown strategy 'neither'",
    ]


@pytest.mark.parametrize(
    ("target", "source", "fault"),
    [
        ("bad_strategies:COIN", "raise SystemError('boom')", "cannot be loaded: SystemError: boom"),
        ("bad_strategies:COIN", "COIN = print", "is a builtin_function_or_method, not a Strategy"),
        ("bad_strategies:COIN", COIN.replace('"coin"', '"dice"'), "calls itself 'dice'"),
    ],
)
def test_what_is_no_strategy_of_that_name_is_refused_naming_the_package(
    site: Path, target: str, source: str, fault: str
) -> None:
    install(site, "bad-strategies", {"coin": target}, source)
    sys.modules.pop("bad_strategies", None)

    with pytest.raises(ConfigurationError) as caught:
        load_strategies(["coin"])

    assert caught.value.message == f"strategy 'coin' of bad-strategies {fault}"
