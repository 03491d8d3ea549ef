"""Scenario files: what is read, and what is said of malformed ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idsync.model.errors import ConfigurationError
from idsync.model.identity import IdentityType
from idsync.testing.scenario.case import Call, Capability
from idsync.testing.scenario.reading import find_files, load_cases
from tests.unit.testing.scenario.stories import read, story, written

FIRST, SECOND, MODIFY, ALIAS, REFUSED = (("steps", number) for number in range(5))


def faults_of(path: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as refusal:
        load_cases([path])
    return [fault.removeprefix(f"{path}: ") for fault in refusal.value.faults]


def test_a_case_is_read_with_its_defaults(tmp_path: Path) -> None:
    case = read(tmp_path, story((("requires",), ["inspection", "clock"]), ((*SECOND, "advance_ms"), 5)))

    assert case.requires == {Capability.INSPECTION, Capability.CLOCK}
    assert case.settings is not None
    assert case.settings.scopes == {"w1": "s1"}
    assert case.settings.policy.priority[0] is IdentityType.CUSTOMERID
    assert (case.settings.policy.alias_max_window_days, case.settings.policy.alias_delay_s) == (90, 86_400)
    assert case.settings.policy.search_requires_immutable
    assert [(step.number, step.call, step.advance_ms) for step in case.steps[:2]] == [
        (1, Call.IDENTIFY, 0),
        (2, Call.LOGIN, 5),
    ]


def test_a_case_may_leave_the_configuration_to_whoever_runs_it(tmp_path: Path) -> None:
    case = read(tmp_path, story((("strategy",), ...), (("config",), ...)))

    assert case.settings is None


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("title",), 3, "title: must be a text, not a number"),
        (("title",), ..., "title: is missing"),
        (("colour",), "red", "colour: unknown member"),
        (("rules",), "ID-121", "rules: must be a list of texts, not a text"),
        (("requires",), ["wings"], "requires: 'wings' is unknown"),
        (("strategy",), ..., "strategy: is missing"),
        (("config", "identity_priority"), ["shoe"], "config.identity_priority: 'shoe' is no identity type"),
        (("config", "login_ids"), ..., "config.login_ids: is missing"),
        (("config", "max_per_type"), {"email": 0}, "config.max_per_type.email: must be a whole number"),
        (("config", "search_requires_immutable"), "no", "config.search_requires_immutable: must be true"),
        (("config", "alias_max_window_days"), True, "config.alias_max_window_days: must be a whole number"),
        (("config", "workspaces"), {"w1": 1}, "config.workspaces.w1: must be the name of a scope"),
        (("config", "colour"), "red", "config.colour: unknown member"),
        (("steps",), [], "steps: must be a list with at least one step"),
        ((*FIRST, "call"), "fly", "steps[1].call: is 'fly'; it must be one of identify"),
        ((*FIRST, "workspace"), "w9", "steps[1].workspace: 'w9' is not among the workspaces"),
        ((*FIRST, "request"), [], "steps[1].request: must be an object, not a list"),
        ((*FIRST, "query"), {"debug": True}, "steps[1].query.debug: unknown member"),
        ((*FIRST, "omit"), "environment", "steps[1].omit: must be a list of texts"),
        ((*FIRST, "advance_ms"), -1, "steps[1].advance_ms: must be a whole number from 0 on"),
        ((*FIRST, "expect"), ..., "steps[1].expect: is missing"),
        ((*FIRST, "expect", "mpid"), "1234", "steps[1].expect.mpid: must be a symbol such as $A"),
        ((*FIRST, "expect", "is_logged_in"), 1, "steps[1].expect.is_logged_in: must be true or false"),
        ((*FIRST, "expect", "matched_identities"), [], "steps[1].expect.matched_identities: must be null"),
        ((*FIRST, "expect", "outcome"), "applied", "steps[1].expect.outcome: unknown member"),
        ((*SECOND, "request", "previous_mpid"), "$Z", "steps[2].request.previous_mpid: $Z was not bound"),
        ((*SECOND, "expect", "source_mpid"), "$Z", "steps[2].expect.source_mpid: $Z was not bound"),
        ((*SECOND, "expect", "profiles"), {"$Z": {}}, "steps[2].expect.profiles.$Z: $Z was not bound"),
        ((*SECOND, "expect", "profiles"), {"$A": {"email": "x"}}, "steps[2].expect.profiles.$A: must be an"),
        ((*MODIFY, "request", "mpid"), ..., "steps[3].request.mpid: is missing"),
        ((*MODIFY, "expect", "change_results"), [{}], "steps[3].expect.change_results[1]: must have"),
        ((*ALIAS, "expect", "outcome"), "done", "steps[4].expect.outcome: must be applied or ignored"),
        ((*ALIAS, "expect", "http_status"), "202", "steps[4].expect.http_status: must be an HTTP status"),
        ((*REFUSED, "expect", "error"), {}, "steps[5].expect.error: must have the member http_status"),
        ((*REFUSED, "expect", "error", "code"), 7, "steps[5].expect.error.code: must be a text"),
        ((*REFUSED, "expect", "mpid"), "$A", "steps[5].expect.mpid: no other result may come back"),
    ],
)
def test_a_fault_is_named_with_case_and_member(
    tmp_path: Path, path: tuple[str | int, ...], value: Any, fault: str
) -> None:
    found = faults_of(written(tmp_path, story((path, value))))

    assert any(text.startswith(f"X-1: {fault}") for text in found), found


def test_all_faults_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text("{}")
    (tmp_path / "c.json").write_text("[7]")
    written(tmp_path, story((("title",), 3), (("rules",), 3)), {**story(), "id": ""})

    with pytest.raises(ConfigurationError) as refusal:
        load_cases(find_files([tmp_path]))

    text = str(refusal.value)
    for part in ("a.json: is not JSON", "b.json: must be a list", "c.json: case 1: must be an object"):
        assert part in text
    for part in ("X-1: title", "X-1: rules", "stories.json: case 2: id"):
        assert part in text


def test_an_id_is_used_once(tmp_path: Path) -> None:
    path = written(tmp_path, story(), story())

    assert faults_of(path) == [f"X-1: this id is used in {path} already"]


def test_directories_are_searched_to_the_bottom(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    first, second = written(tmp_path), written(tmp_path / "below")
    (tmp_path / "README.md").write_text("no scenario")

    assert find_files([tmp_path, first]) == sorted([first, second])


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_nothing_to_run_is_an_error(tmp_path: Path, name: str) -> None:
    """An empty directory must not look like a success."""
    with pytest.raises(FileNotFoundError):
        find_files([tmp_path / name])
