"""What `idsync config example` prints can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from idsync.config import example_configuration, parse_configuration
from idsync.config.examples import EXAMPLES
from idsync.config.keys import SECTIONS
from idsync.model.errors import ConfigurationError
from idsync.resolve.registry import available_strategies


def test_there_is_an_example_for_each_strategy_of_ours() -> None:
    """ID-030."""
    assert sorted(EXAMPLES) == [
        "best_match",
        "default",
        "profile_conversion",
        "profile_isolation",
        "profile_link",
    ]
    assert set(EXAMPLES) <= set(available_strategies())


@pytest.mark.parametrize("strategy", EXAMPLES)
def test_an_example_is_sound_and_free_of_warnings(strategy: str) -> None:
    configuration = parse_configuration(example_configuration(strategy), Path())

    assert configuration.scopes["retail"].strategy == strategy
    assert configuration.warnings == {}
    assert [entry.key for entry in configuration.inputs()] == ["shop-web", "shop-backend"]


@pytest.mark.parametrize("strategy", EXAMPLES)
def test_what_an_example_has_commented_out_is_sound_too(strategy: str) -> None:
    text = re.sub(r"^#(?=[a-z\[])", "", example_configuration(strategy), flags=re.MULTILINE)

    configuration = parse_configuration(text, Path())

    assert configuration.operator_token is not None
    assert configuration.scopes["retail"].inactive_days == 30
    assert configuration.limits.requests_per_second_per_key == 500
    assert configuration.warnings == {}


@pytest.mark.parametrize("key", SECTIONS["scopes.NAME"], ids=lambda key: str(key.name))
def test_every_setting_of_a_scope_is_in_an_example(key: object) -> None:
    texts = [example_configuration(strategy) for strategy in EXAMPLES]

    assert any(re.search(rf"^#?{getattr(key, 'name')} = ", text, re.MULTILINE) for text in texts)  # noqa: B009


def test_there_is_no_example_for_a_strategy_of_somebody_else() -> None:
    with pytest.raises(
        ConfigurationError, match="no example for strategy 'theirs'; there is one for default, "
    ):
        example_configuration("theirs")
