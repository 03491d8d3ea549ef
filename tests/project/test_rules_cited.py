"""A rule number in the code or the documents leads to a rule."""

from __future__ import annotations

import re
from pathlib import Path

from tests.project.tree import project_files, text_lines

RULES = frozenset(Path(__file__).with_name("rule_ids.txt").read_text().split())
CITATION = re.compile(r"\bID-\d+\b")
SOURCES = ("*.py", "*.proto", "*.md", "*.json", "*.toml", "*.yaml")


def test_every_cited_rule_exists() -> None:
    """Rule numbers are never reused, so a number that is not in rule_ids.txt is a slip."""
    unknown = [
        f"{place} {rule}"
        for place, line in text_lines(project_files(*SOURCES))
        for rule in CITATION.findall(line)
        if rule not in RULES
    ]

    assert unknown == []


def test_rule_list_is_sorted_and_without_repetition() -> None:
    lines = Path(__file__).with_name("rule_ids.txt").read_text().split()

    assert lines == sorted(set(lines))
