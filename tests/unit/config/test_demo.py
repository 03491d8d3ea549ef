"""The configuration of a service that was started without one."""

from __future__ import annotations

from pathlib import Path

from idsync.config import demo_configuration, parse_configuration


def test_the_demo_is_what_a_small_file_would_say() -> None:
    """Design, section 5: workspace `demo`, one input, `key_only` and `may_read` on, strategy default."""
    text = (
        '[operator]\ntoken = "t"\n[scopes.demo]\nstrategy = "default"\n[workspaces.demo]\n'
        '[[workspaces.demo.inputs]]\nplatform = "web"\nkey = "k"\nsecret = "s"\n'
        "key_only = true\nmay_read = true\n"
    )

    assert demo_configuration("k", "s", "t") == parse_configuration(text, Path())
