"""The vectors of tests/vectors, and what a level must do with each of them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from idsync.testing.scenario.case import AnyCase, Case
from idsync.testing.scenario.reading import find_files, load_cases
from idsync.testing.scenario.report import failure_lines
from idsync.testing.scenario.result import CaseResult, Verdict
from idsync.testing.scenario.runner import run_case
from idsync.testing.scenario.surface import OpenSurface

FOLDER: Final = Path(__file__).resolve().parents[1] / "vectors"
CASES: Final = load_cases(find_files([FOLDER]))
STORIES: Final = [case for case in CASES if isinstance(case, Case)]
"""Cases with steps; the others are checked without any level."""

TYPED: Final[Mapping[str, str]] = {
    "ER-007": "known_identities.customerid can only be a text on a typed interface",
    "ER-008": "known_identities can only be a list of identities on a typed interface",
    "ER-009": "previous_mpid can only be a signed 64-bit integer on a typed interface",
    "ER-013": "new_value can only be a text on a typed interface",
    "ER-014": "mpid can only be a signed 64-bit integer on a typed interface",
    "ER-016": "known_identities.email can only be a text on a typed interface",
    "ER-017": "needs HTTP",
    "ER-018": "needs HTTP",
    "ER-019": "needs HTTP",
    "ER-020": "needs HTTP",
    "SE-012": "return_matches is a flag of HTTP only",
}
"""What a typed interface cannot say, by case id: such a case is skipped for this reason, and no other is."""


async def faults_of(case: AnyCase, open_surface: OpenSurface, inexpressible: Mapping[str, str]) -> list[str]:
    """Run a case; nothing is wrong if it passes with nothing left unchecked, or is skipped as listed."""
    result = await run_case(case, open_surface)
    return unexpected(result, inexpressible.get(case.id), frozenset())


def unexpected(result: CaseResult, skipped_for: str | None, unseen: AbstractSet[str]) -> list[str]:
    """Say what is wrong with a result.

    Args:
        result: Of one case.
        skipped_for: The one reason to skip it; `None`: it must pass.
        unseen: What need not be checked.
    """
    if result.failure is not None:
        return list(failure_lines(result))
    expected = Verdict.PASSED if skipped_for is None else Verdict.SKIPPED
    faults = [f"not checked: {left.what}" for left in result.unchecked if left.what not in unseen]
    if (result.verdict is Verdict.SKIPPED) != (expected is Verdict.SKIPPED):
        faults.append(f"{result.verdict}, not {expected}")
    if result.reason != (skipped_for or ""):
        faults.append(f"for another reason: {result.reason}")
    return faults
