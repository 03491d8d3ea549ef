"""What others import stays where it is until somebody means to move it."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.project.public_names import public_names

FROZEN = Path(__file__).with_name("public_names.txt")


def test_public_names_are_those_agreed() -> None:
    """After a change that is meant: `make names`, and a line in the changelog."""
    assert public_names() == FROZEN.read_text().splitlines()


def test_every_public_name_exists() -> None:
    missing = []
    for line in public_names():
        module, _, name = line.rpartition(".")
        if not hasattr(importlib.import_module(module), name):
            missing.append(line)

    assert missing == []
