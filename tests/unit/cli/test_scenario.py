"""`idsync scenario run`: its three grounds, its output and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from idsync.cli.main import app
from idsync.testing.scenario import reading
from idsync.testing.scenario.case import Call, Capability
from idsync.testing.scenario.expectations import EXPECTED
from tests.unit.testing.scenario.stories import story, written

CONFIGURATION = """
[scopes.link]
strategy = "profile_link"
identity_priority = ["customerid", "email", "ios_idfv"]

[scopes.conversion]
strategy = "profile_conversion"
identity_priority = ["customerid", "email", "ios_idfv"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]
"""

HOLDS = story((("steps",), story()["steps"][:2]))
"""Holds with link, and with nothing else."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "idsync.toml"
    file.write_text(CONFIGURATION)
    return file


def run(*arguments: str | Path) -> Result:
    environment = {"IDSYNC_KEY": "", "IDSYNC_SECRET": "", "IDSYNC_TOKEN": "", "IDSYNC_TARGET": "127.0.0.1:1"}
    return CliRunner().invoke(app, ["scenario", "run", *map(str, arguments)], env=environment)


def test_cases_run_on_their_own_configuration(tmp_path: Path) -> None:
    """A target in the environment changes nothing: a live service is never written to by accident."""
    result = run(written(tmp_path, HOLDS))

    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "running on the configuration that each case brings, in this process",
        "1 passed, 0 failed, 0 skipped",
    ]


def test_cases_run_on_a_scope_of_a_configuration(tmp_path: Path, config: Path) -> None:
    file = written(tmp_path, HOLDS)

    link, conversion = (run(file, "--config", config, "--scope", name) for name in ("link", "conversion"))

    assert link.exit_code == 0, link.output
    assert f"scope link of {config} (profile_link)" in link.output
    assert "the configurations in the files are ignored" in link.output
    assert conversion.exit_code == 1
    assert "expected  mpid: $B, a new profile" in conversion.output
    assert "conversion/converted" in conversion.output
    assert "the case was written for other settings: strategy" in conversion.output
    assert conversion.output.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"


def test_what_was_skipped_makes_the_run_one_in_part(tmp_path: Path) -> None:
    result = run(written(tmp_path, story((("requires",), ["http"]))))

    assert result.exit_code == 3
    assert result.output.splitlines()[-2:] == ["skipped, needs HTTP: X-1", "0 passed, 0 failed, 1 skipped"]


def test_json_is_one_document_and_nothing_else(tmp_path: Path) -> None:
    failing = story((("steps", 0, "expect", "is_logged_in"), True))

    result = run(written(tmp_path, failing), "--json")

    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["passed"], document["failed"]) == (0, 1)
    assert document["cases"][0]["failure"]["rule"] == "link/new-anonymous"


def test_a_malformed_file_is_refused_with_every_fault(tmp_path: Path) -> None:
    result = run(written(tmp_path, story((("title",), 3), (("rules",), 3))))

    assert result.exit_code == 1
    assert "X-1: title" in result.stderr
    assert "X-1: rules" in result.stderr


def test_a_configuration_that_is_refused_ends_the_run(tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text('[scopes.s]\nstrategy = "no_such"\n')

    result = run(written(tmp_path, HOLDS), "--config", config)

    assert result.exit_code == 1
    assert "no_such" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.json"],
        ["FILE", "--scope", "link"],
        ["FILE", "--config", "CONFIG"],
        ["FILE", "--config", "CONFIG", "--scope", "none"],
        ["FILE", "--config", "CONFIG", "--target", "127.0.0.1:1", "--key", "k"],
        ["FILE", "--target", "127.0.0.1:1"],
        [],
    ],
)
def test_wrong_usage(tmp_path: Path, config: Path, arguments: list[str]) -> None:
    file = written(tmp_path, HOLDS)

    result = run(*(file if a == "FILE" else config if a == "CONFIG" else a for a in arguments))

    assert result.exit_code == 2, result.output


DOCUMENTED = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text()


def test_every_option_is_documented() -> None:
    command = get_command(app).commands["scenario"].commands["run"]  # type: ignore[attr-defined]
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]

    assert [option for option in options if option not in DOCUMENTED] == ["--help"] * ("--help" in options)


def test_every_word_of_the_format_is_documented() -> None:
    words = [*Call, *Capability, *reading.CASE, *reading.CONFIG, *reading.STEP, *reading.QUERY, *EXPECTED]

    assert [word for word in words if f"`{word}`" not in DOCUMENTED] == []


def test_the_example_in_the_documentation_runs(tmp_path: Path, config: Path) -> None:
    """It fails with conversion, as shown there, and holds with link."""
    example = tmp_path / "example.json"
    example.write_text(DOCUMENTED.split("```json\n")[1].split("```")[0])

    conversion = run(example, "--config", config, "--scope", "conversion")
    link = run(example, "--config", config, "--scope", "link")

    assert conversion.exit_code == 1
    assert "FAILED  SHOP-7" in conversion.output
    assert link.exit_code == 0, link.output
