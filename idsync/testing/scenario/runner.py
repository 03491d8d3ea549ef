"""Runs cases: step by step, each answer compared at once, the outcome of aliases at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from idsync.model.aliasing import AliasState
from idsync.model.identity import Mpid
from idsync.model.signing import signature
from idsync.testing.scenario.case import AnyCase, Capability, Case, HttpMessage, SignatureCase, Step
from idsync.testing.scenario.comparing import Difference, compare, compare_record, compare_source
from idsync.testing.scenario.requests import sent_request_id
from idsync.testing.scenario.result import CaseResult, FailedStep, Unchecked, Verdict
from idsync.testing.scenario.surface import (
    NEEDS,
    Answer,
    InexpressibleError,
    Observed,
    OpenSurface,
    Refusal,
    ShownAlias,
    Surface,
)
from idsync.testing.scenario.symbols import Symbols

__all__ = ["run_case", "run_cases"]

_CAN_DO_WITHOUT: Final = frozenset({Capability.INSPECTION, Capability.CLOCK})
"""Without these only expectations go unchecked, unless a step really moves the clock."""


async def run_cases(
    cases: Iterable[AnyCase], open_surface: OpenSurface, *, prefix: str = ""
) -> AsyncIterator[CaseResult]:
    """Run cases one after another; see `run_case`."""
    for case in cases:
        yield await run_case(case, open_surface, prefix=prefix)


async def run_case(case: AnyCase, open_surface: OpenSurface, *, prefix: str = "") -> CaseResult:
    """Run one case; it ends with the first step that is not as expected.

    Args:
        case: What to run; a signature case needs no surface.
        open_surface: Prepares the surface for the case.
        prefix: Begins every request id, so that one run can be told from another.

    Raises:
        ConfigurationError: The configuration for the case is refused.
    """
    if isinstance(case, SignatureCase):
        return _check_signature(case)
    async with open_surface(case) as surface:
        reason = _skipped(case, surface)
        if reason:
            return CaseResult(case, Verdict.SKIPPED, reason)
        return await _Run(case, surface, prefix).result()


def _check_signature(case: SignatureCase) -> CaseResult:
    came = signature(case.secret, case.method, case.date, case.path, case.body)
    if came == case.signature:
        return CaseResult(case, Verdict.PASSED)
    request = {"method": case.method, "date": case.date, "path": case.path, "body": case.body}
    difference = Difference("signature", case.signature, came)
    return CaseResult(case, Verdict.FAILED, failure=FailedStep(0, "signature", "", request, (difference,)))


def _skipped(case: Case, surface: Surface) -> str:
    """Say why a case cannot be run here at all; nothing: it can."""
    missing = sorted(case.requires - surface.capabilities - _CAN_DO_WITHOUT)
    if missing:
        return "; ".join(NEEDS[capability] for capability in missing)
    for step in case.steps:
        if step.advance_ms and Capability.CLOCK not in surface.capabilities:
            return NEEDS[Capability.CLOCK]
        try:
            surface.check(step)
        except InexpressibleError as error:
            return str(error)
    return ""


@dataclass(frozen=True, slots=True)
class _Taken:
    """An alias request that was taken and what is to become of it."""

    step: Step
    request: Mapping[str, Any]
    source: Mpid
    seq: int | None


class _Run:
    def __init__(self, case: Case, surface: Surface, prefix: str) -> None:
        self._case = case
        self._surface = surface
        self._prefix = prefix
        self._symbols = Symbols()
        self._sees = Capability.INSPECTION in surface.capabilities
        self._unchecked: list[Unchecked] = []
        self._taken: list[_Taken] = []

    async def result(self) -> CaseResult:
        for step in self._case.steps:
            failure = await self._take(step)
            if failure is not None:
                return self._ended(failure)
        return self._ended(await self._outcomes())

    def _ended(self, failure: FailedStep | None) -> CaseResult:
        verdict = Verdict.PASSED if failure is None else Verdict.FAILED
        return CaseResult(self._case, verdict, failure=failure, unchecked=tuple(self._unchecked))

    async def _take(self, step: Step) -> FailedStep | None:
        if step.advance_ms:
            await self._surface.advance(step.advance_ms)
        sent = self._symbols.in_step(step)
        request_id = f"{self._prefix}{self._case.id}-{step.number}"
        observed = await self._surface.call(sent, request_id)
        differences = compare(step.expect, observed, self._symbols)
        if not differences:
            differences = await self._look(step, observed)
        if not differences:
            return await self._remember(sent, observed)
        rule = observed.rule
        if not rule and self._sees:
            rule = await self._surface.why(sent_request_id(sent, request_id))
        decided = observed.decided if isinstance(observed, Answer) else ""
        return self._failed(step, differences, rule, decided)

    def _failed(
        self, step: Step, differences: Sequence[Difference], rule: str = "", decided: str = ""
    ) -> FailedStep:
        written = self._case.steps[step.number - 1]
        request = written.request if written.http is None else _shown_http(written.http)
        return FailedStep(
            step.number, step.call, step.note, request, tuple(differences), self._symbols.all(), rule, decided
        )

    async def _look(self, step: Step, observed: Observed) -> list[Difference]:
        """Compare what only inspection shows."""
        if isinstance(observed, Refusal) and observed.wrote is None:
            self._leave(step, "that nothing changed", NEEDS[Capability.INSPECTION])
        if not self._sees:
            for name in ("profiles", "source_mpid"):
                if name in step.expect:
                    self._leave(step, name, NEEDS[Capability.INSPECTION])
            return []
        found: list[Difference | None] = []
        if "source_mpid" in step.expect and isinstance(observed, Answer) and observed.mpid is not None:
            shown = await self._surface.inspect(observed.mpid)
            found.append(compare_source(step.expect["source_mpid"], shown, self._symbols))
        for symbol, record in step.expect.get("profiles", {}).items():
            shown = await self._surface.inspect(self._symbols[symbol])
            found.append(compare_record(symbol, record, shown))
        return [difference for difference in found if difference is not None]

    def _leave(self, step: Step, what: str, reason: str) -> None:
        self._unchecked.append(Unchecked(step.number, what, reason))

    async def _remember(self, step: Step, observed: Observed) -> FailedStep | None:
        """Keep a taken alias request whose outcome is to be compared after the delay."""
        if "outcome" not in step.expect or not isinstance(observed, Answer):
            return None
        if not self._sees or Capability.CLOCK not in self._surface.capabilities:
            self._leave(
                step, "outcome", NEEDS[Capability.CLOCK] if self._sees else NEEDS[Capability.INSPECTION]
            )
            return None
        taken = _Taken(step, step.request, int(step.request["source_mpid"]), observed.alias_seq)
        if taken.seq is None:
            records = await self._records(taken)
            if not records:
                return self._other_outcome(taken, "no alias request on the source")
            taken = replace(taken, seq=max(record.seq for record in records))
        self._taken.append(taken)
        return None

    async def _records(self, taken: _Taken) -> list[ShownAlias]:
        shown = await self._surface.inspect(taken.source)
        aliases = () if shown is None else shown.aliases
        destination = int(taken.request["destination_mpid"])
        return [a for a in aliases if (a.source, a.destination) == (taken.source, destination)]

    async def _outcomes(self) -> FailedStep | None:
        """Wait, by moving the clock, until every alias request had its time; then compare."""
        for taken in self._taken:
            record = await self._record(taken)
            if record is not None and record.state is AliasState.PENDING:
                await self._surface.advance(max(record.apply_at_ms - self._surface.now_ms(), 0) + 1)
                record = await self._record(taken)
            came = "no such alias request" if record is None else record.state.name.lower()
            if came != taken.step.expect["outcome"]:
                return self._other_outcome(taken, came)
        return None

    async def _record(self, taken: _Taken) -> ShownAlias | None:
        return next((record for record in await self._records(taken) if record.seq == taken.seq), None)

    def _other_outcome(self, taken: _Taken, came: str) -> FailedStep:
        difference = Difference("outcome", taken.step.expect["outcome"], came)
        return self._failed(taken.step, [difference], decided="after the delay")


def _shown_http(http: HttpMessage) -> Mapping[str, Any]:
    return {"method": http.method, "path": http.path, "body": http.body}
