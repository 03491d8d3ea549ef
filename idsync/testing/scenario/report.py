"""The results of a run, for people and as one document."""

from __future__ import annotations

import json
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from idsync.testing.scenario.case import Case
from idsync.testing.scenario.result import CaseResult, FailedStep, Verdict

__all__ = ["DONE_IN_PART", "FAILED", "PASSED", "document", "exit_code", "failure_lines", "summary_lines"]

PASSED: Final = 0
FAILED: Final = 1
DONE_IN_PART: Final = 3
"""Nothing failed, but cases were skipped or expectations not checked."""

_WIDTH: Final = 110
_MARGIN: Final = "        "


def exit_code(results: Sequence[CaseResult]) -> int:
    """Give the exit code of a run (design: 0 done, 1 failed, 3 done in part)."""
    if any(result.verdict is Verdict.FAILED for result in results):
        return FAILED
    if any(result.verdict is Verdict.SKIPPED or result.unchecked for result in results):
        return DONE_IN_PART
    return PASSED


def failure_lines(result: CaseResult, written_for: str = "") -> Iterator[str]:
    """Tell the story of a failed case: what was sent, what was expected, what came, and who decided it.

    Args:
        result: The case.
        written_for: How the configuration that the case brings differs from the one it was run on.
    """
    failure = result.failure
    assert failure is not None, "only failed cases have a story"
    yield f"FAILED  {result.case.id}  {result.case.title}"
    yield f"{_MARGIN}{result.case.file}{_place(result, failure)}"
    if failure.note:
        yield from _entry("note", failure.note)
    yield from _entry("sent", json.dumps(failure.request, ensure_ascii=False))
    for difference in failure.differences:
        yield from _entry("expected", f"{difference.member}: {difference.expected}")
        yield from _entry("came", f"{difference.member}: {difference.came}")
    decided = ", ".join(part for part in (failure.rule, failure.decided) if part)
    if decided:
        yield from _entry("decided", decided)
    if failure.symbols:
        bound = ", ".join(f"{symbol} = {mpid}" for symbol, mpid in failure.symbols.items())
        yield from _entry("symbols", bound)
    if written_for:
        yield from _entry("but", f"the case was written for {written_for}")
    if result.case.rules:
        yield from _entry("rules", ", ".join(result.case.rules))


def _place(result: CaseResult, failure: FailedStep) -> str:
    if not isinstance(result.case, Case):
        return ""
    return f", step {failure.number} of {len(result.case.steps)}: {failure.call}"


def _entry(label: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{_MARGIN}{label:<10}",
        subsequent_indent=" " * (len(_MARGIN) + 10),
        break_on_hyphens=False,
    )


def summary_lines(results: Sequence[CaseResult]) -> Iterator[str]:
    """Count, and name everything that was not done with its reason."""
    skipped: defaultdict[str, list[str]] = defaultdict(list)
    unchecked: defaultdict[str, list[str]] = defaultdict(list)
    for result in results:
        if result.verdict is Verdict.SKIPPED:
            skipped[f"skipped, {result.reason}"].append(result.case.id)
        for what, steps in _unchecked(result).items():
            unchecked[f"not checked, {what}"].append(f"{result.case.id} {steps}")
    for reason, names in (skipped | unchecked).items():
        yield from textwrap.wrap(
            f"{reason}: {', '.join(names)}", _WIDTH, subsequent_indent="  ", break_on_hyphens=False
        )
    counts = Counter(result.verdict for result in results)
    line = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
    left_out = sum(len(result.unchecked) for result in results)
    yield f"{line}; {left_out} expectations not checked" if left_out else line


def _unchecked(result: CaseResult) -> dict[str, str]:
    """Say what of a case was not checked and why, and at which steps."""
    steps: defaultdict[str, list[str]] = defaultdict(list)
    for left in result.unchecked:
        steps[f"{left.what} ({left.reason})"].append(str(left.step))
    return {what: f"step{'s' * (len(n) > 1)} {' and '.join(n)}" for what, n in steps.items()}


def document(against: str, results: Sequence[CaseResult]) -> dict[str, Any]:
    """Give everything as one JSON document."""
    counts = Counter(result.verdict for result in results)
    return {
        "against": against,
        **{str(verdict): counts[verdict] for verdict in Verdict},
        "unchecked": sum(len(result.unchecked) for result in results),
        "cases": [_case(result) for result in results],
    }


def _case(result: CaseResult) -> dict[str, Any]:
    failure = result.failure
    return {
        "id": result.case.id,
        "title": result.case.title,
        "file": result.case.file,
        "rules": list(result.case.rules),
        "verdict": str(result.verdict),
        "reason": result.reason,
        "unchecked": [
            {"step": left.step, "what": left.what, "reason": left.reason} for left in result.unchecked
        ],
        "failure": None if failure is None else _failure(failure),
    }


def _failure(failure: FailedStep) -> dict[str, Any]:
    return {
        "step": failure.number,
        "call": str(failure.call),
        "note": failure.note,
        "request": dict(failure.request),
        "differences": [
            {"member": d.member, "expected": d.expected, "came": d.came} for d in failure.differences
        ],
        "symbols": {symbol: str(mpid) for symbol, mpid in failure.symbols.items()},
        "rule": failure.rule,
        "decided": failure.decided,
    }
