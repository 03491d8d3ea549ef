"""The vectors of tests/vectors, and what a level must do with each of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from idsync.testing.scenario.case import AnyCase, Case
from idsync.testing.scenario.reading import find_files, load_cases
from idsync.testing.scenario.report import failure_lines
from idsync.testing.scenario.result import Verdict
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


async def hold(case: AnyCase, open_surface: OpenSurface, inexpressible: Mapping[str, str]) -> None:
    """Run a case: it passes with nothing left unchecked, or is skipped for exactly the listed reason."""
    result = await run_case(case, open_surface)

    assert result.failure is None, "\n" + "\n".join(failure_lines(result))
    assert result.reason == inexpressible.get(case.id, "")
    assert result.verdict is (Verdict.SKIPPED if case.id in inexpressible else Verdict.PASSED)
    assert result.unchecked == ()
