"""What people and programs are told."""

from __future__ import annotations

import json
from pathlib import Path

from idsync.testing.scenario.report import document, exit_code, failure_lines, summary_lines
from idsync.testing.scenario.resolver_surface import over_memory
from idsync.testing.scenario.result import CaseResult, Unchecked, Verdict
from idsync.testing.scenario.runner import run_case
from tests.unit.testing.scenario.stories import read, story


async def results(folder: Path) -> tuple[CaseResult, CaseResult, CaseResult, CaseResult]:
    """Give one of each kind: passed, failed, skipped, passed in part."""
    passed = await run_case(read(folder, story()), over_memory())
    wrong = story(
        (("steps", 1, "expect", "profiles", "$A"), {}), (("steps", 1, "note"), "on a shared device")
    )
    failed = await run_case(read(folder, wrong), over_memory())
    skipped = await run_case(read(folder, story((("requires",), ["http"]))), over_memory())
    left = (Unchecked(2, "profiles", "needs eyes"), Unchecked(3, "profiles", "needs eyes"))
    return passed, failed, skipped, CaseResult(passed.case, Verdict.PASSED, unchecked=left)


async def test_a_failure_is_a_story(tmp_path: Path) -> None:
    _, failed, _, _ = await results(tmp_path)

    text = "\n".join(failure_lines(failed, "other settings: login_ids"))

    for part in (
        "FAILED  X-1  a login on a known device",
        "stories.json, step 2 of 5: login",
        "note      on a shared device",
        'sent      {"known_identities": {"customerid": "c1", "ios_idfv": "d1"}, "previous_mpid": "$A"}',
        "expected  profiles.$A: {}",
        'came      profiles.$A: {"ios_idfv": ["d1"]}',
        "decided   link/new-known, created",
        "symbols   $A = ",
        "but       the case was written for other settings: login_ids",
        "rules     ID-121",
    ):
        assert part in text


async def test_the_summary_names_all_that_was_not_done(tmp_path: Path) -> None:
    lines = list(summary_lines(await results(tmp_path)))

    assert lines == [
        "skipped, needs HTTP: X-1",
        "not checked, profiles (needs eyes): X-1 steps 2 and 3",
        "2 passed, 1 failed, 1 skipped; 2 expectations not checked",
    ]


async def test_a_run_without_gaps_ends_with_one_line(tmp_path: Path) -> None:
    passed, _, _, _ = await results(tmp_path)

    assert list(summary_lines([passed])) == ["1 passed, 0 failed, 0 skipped"]


async def test_exit_codes(tmp_path: Path) -> None:
    """Design, section 5: 0 done, 1 failed, 3 done in part."""
    passed, failed, skipped, in_part = await results(tmp_path)

    assert [
        exit_code(run) for run in ([passed], [passed, skipped, failed], [passed, skipped], [in_part])
    ] == [
        0,
        1,
        3,
        3,
    ]


async def test_the_document_holds_everything(tmp_path: Path) -> None:
    shown = json.loads(json.dumps(document("somewhere", await results(tmp_path))))

    assert {name: shown[name] for name in ("against", "passed", "failed", "skipped", "unchecked")} == {
        "against": "somewhere",
        "passed": 2,
        "failed": 1,
        "skipped": 1,
        "unchecked": 2,
    }
    failure = shown["cases"][1]["failure"]
    assert (failure["step"], failure["call"], failure["rule"]) == (2, "login", "link/new-known")
    assert failure["differences"] == [
        {"member": "profiles.$A", "expected": "{}", "came": '{"ios_idfv": ["d1"]}'}
    ]
    assert shown["cases"][2]["reason"] == "needs HTTP"
    assert shown["cases"][3]["unchecked"][0] == {"step": 2, "what": "profiles", "reason": "needs eyes"}
