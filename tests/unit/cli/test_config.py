"""`idsync config`: judges files and prints examples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from idsync.cli.config import app
from idsync.config import example_configuration
from idsync.config.examples import EXAMPLES

WARNED = """\
[scopes."[red]x"]
strategy = "profile_conversion"
identity_priority = ["ios_idfv", "email"]
login_ids = ["email"]
[workspaces.shop]
scope = "[red]x"
[[workspaces.shop.inputs]]
platform = "web"
key = "shop-web"
secret = "SESAME"
may_read = true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "idsync.toml"


def test_a_sound_file_is_ok_and_summed_up(file: Path) -> None:
    """ID-036: what surprises is said; no secret is."""
    file.write_text(WARNED)

    result = CliRunner().invoke(app, ["check", str(file)])

    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[:2] == [
        "ok",
        "warning: scope [red]x: login_ids: email ranks below a type that is not a login ID",
    ]
    assert "[red]x profile_conversion ios_idfv" in lines
    assert "email (login)" in lines
    assert "shop [red]x yes shop-web (web, may read)" in lines
    assert "SESAME" not in result.stdout


def test_a_file_without_workspaces_is_ok_and_says_so(file: Path) -> None:
    file.write_text("")

    result = CliRunner().invoke(app, ["check", str(file)])

    assert (result.exit_code, result.stdout) == (0, "ok\nIt has no workspace: only operators could call.\n")


def test_the_faults_of_a_file_go_to_standard_error_one_a_line(file: Path) -> None:
    file.write_text("a = 1\n[guards]\nb = 1\n")

    result = CliRunner().invoke(app, ["check", str(file)])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == ["line 1: a: unknown key", "line 3: guards.b: unknown key"]


def test_a_fault_without_a_line_is_told_too(file: Path) -> None:
    file.write_text("a = " + "9" * 5_000)

    result = CliRunner().invoke(app, ["check", str(file)])

    assert result.exit_code == 1
    assert "a number too long" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["check", "absent.toml"], ["check", "."], ["check"], ["example", "theirs"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    """Design, section 5: exit codes."""
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize("strategy", EXAMPLES)
def test_an_example_is_printed_and_found_ok(strategy: str, file: Path) -> None:
    printed = CliRunner().invoke(app, ["example", strategy])
    file.write_text(printed.stdout)
    checked = CliRunner().invoke(app, ["check", str(file)])

    assert (printed.exit_code, printed.stdout) == (0, example_configuration(strategy))
    assert checked.exit_code == 0
    assert "warning" not in checked.stdout


def test_the_command_is_listed_without_loading_what_it_needs() -> None:
    """Style, section 1: completion and help stay quick."""
    heavy = "('tree_sitter', 'idsync.config')"
    code = f"import sys, idsync.cli.config; print([m for m in sys.modules if m.startswith({heavy})])"

    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert listed.stdout == "[]\n"
