"""docs/configuration.md names every key of the file and every flag, with unit and default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from idsync.cli.main import app as program
from idsync.config.keys import SECTIONS, Key
from idsync.config.settings import CLIENT_SETTINGS, REPLAY_SETTINGS, SERVE_SETTINGS, Setting
from idsync.model.identity import IdentityType
from idsync.model.policy import DEFAULT_PRIORITY, OLDER_DEFAULT_PRIORITY

DOCUMENT = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """Return the table under a heading: the cells of each row by its first."""
    _, found, rest = DOCUMENT.partition(f"\n### {heading}\n")
    assert found, f"no heading {heading}"
    section = re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" |")]
        for line in section.splitlines()
        if line[:1] == "|"
    ]
    return {row[0].strip("`"): row[1:] for row in cells if row[0].startswith("`")}


def heading_of(section: str) -> str:
    return f"`[[{section}]]`" if section.endswith("inputs") else f"`[{section}]`"


def default_of(key: Key[Any]) -> str:
    if key.required:
        return "required"
    return "none" if key.default is None or key.default == {} else str(key.default).lower()


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_documented_with_exactly_its_keys(section: str) -> None:
    documented = {name: cells[1:3] for name, cells in rows(heading_of(section)).items() if len(cells) == 4}

    assert documented == {key.name: [key.unit, default_of(key)] for key in SECTIONS[section]}


@pytest.mark.parametrize(
    ("heading", "settings"),
    [
        ("`idsync serve`", SERVE_SETTINGS),
        ("Commands that call a service", CLIENT_SETTINGS),
        ("`idsync replay`", REPLAY_SETTINGS),
    ],
)
def test_flags_are_documented_exactly(heading: str, settings: tuple[Setting, ...]) -> None:
    expected = {}
    for setting in settings:
        default = "none" if setting.default is None else f"`{str(setting.default).lower()}`"
        expected[setting.flag] = [f"`{setting.variable}`", setting.unit, default, setting.help]

    assert rows(heading) == expected


def options(command: Any) -> Iterator[Any]:
    """Go through the options of a command and of all commands below it."""
    yield from (parameter for parameter in command.params if parameter.param_type_name == "option")
    for below in getattr(command, "commands", {}).values():
        yield from options(below)


def test_the_flags_of_the_program_are_the_documented_ones() -> None:
    """Design, section 5: every flag that is a variable too, with the default it is said to have."""
    settings = (*SERVE_SETTINGS, *CLIENT_SETTINGS, *REPLAY_SETTINGS)
    documented = {(setting.flag, setting.variable, setting.default) for setting in settings}

    offered = {
        (option.opts[0], option.envvar, option.default)
        for option in options(get_command(program))
        if option.envvar is not None
    }

    assert offered == documented


@pytest.mark.parametrize(
    ("preset", "priority"), [("newer", DEFAULT_PRIORITY), ("older", OLDER_DEFAULT_PRIORITY)]
)
def test_the_presets_are_documented_type_by_type(preset: str, priority: tuple[IdentityType, ...]) -> None:
    """ID-038."""
    listed = ", ".join(f"`{identity_type.wire_name}`" for identity_type in priority)

    assert f'| `default`, `preset = "{preset}"` | {listed} |' in DOCUMENT
