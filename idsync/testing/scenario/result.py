"""What became of the cases of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from idsync.model.identity import Mpid
from idsync.testing.scenario.case import AnyCase
from idsync.testing.scenario.comparing import Difference

__all__ = ["CaseResult", "FailedStep", "Unchecked", "Verdict"]


class Verdict(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class FailedStep:
    """The step at which a case failed; the steps after it were not run.

    Attributes:
        number: Its place, from 1; 0 for a signature case, which has no steps.
        call: What it did.
        request: What was sent, with the symbols of the file.
        symbols: What they stand for.
        rule: The rule of the strategy that decided, as far as it is known.
        decided: What became of the call, e.g. `found by email`.
    """

    number: int
    call: str
    note: str
    request: Mapping[str, Any]
    differences: tuple[Difference, ...]
    symbols: Mapping[str, Mpid] = field(default_factory=dict)
    rule: str = ""
    decided: str = ""


@dataclass(frozen=True, slots=True)
class Unchecked:
    """An expectation that could not be looked at; the case counts as passed all the same, and says so."""

    step: int
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case and how it ended.

    Attributes:
        reason: Why it was skipped.
        failure: Where it failed.
        unchecked: Expectations that could not be looked at.
    """

    case: AnyCase
    verdict: Verdict
    reason: str = ""
    failure: FailedStep | None = None
    unchecked: tuple[Unchecked, ...] = ()
