"""Shorthands for what the tests of configuration ask again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from idsync.config import parse_configuration
from idsync.model.errors import ConfigurationError

SCOPE = """\
[scopes.retail]
strategy = "profile_conversion"
identity_priority = ["customerid", "email", "ios_idfv"]
login_ids = ["customerid"]
unique_ids = ["customerid"]
"""
"""A sound scope of five lines."""


def faults_of(text: str, base: Path = Path()) -> tuple[str, ...]:
    """Return the faults for which a configuration is refused; it must be."""
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(text, base)
    return caught.value.faults
