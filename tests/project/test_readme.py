"""The first two commands of the README are all a newcomer needs; .ci/run takes them from there."""

from __future__ import annotations

import re

from tests.project.tree import ROOT


def _commands() -> list[str]:
    """Give the README's shell blocks in order; .ci/run reads them by the same fence."""
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def test_first_command_installs_and_shows_a_login() -> None:
    first = _commands()[0]

    assert "pip install" in first
    assert "idsync demo" in first


def test_second_command_runs_the_tests() -> None:
    assert "pytest" in _commands()[1]


def test_neither_needs_make() -> None:
    assert [command for command in _commands()[:2] if re.search(r"\bmake\b", command)] == []


def test_ci_runs_both_as_they_stand() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert '"$(readme_command 1)"' in script
    assert '"$(readme_command 2)"' in script
