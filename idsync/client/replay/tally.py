"""What became of the lines of a traffic file: every line is in exactly one count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, TypeAlias

from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["MALFORMED", "NO_ANSWER_TO_REFER_TO", "Answer", "Refusal", "ResolveAnswer", "Tally"]

MALFORMED: Final = "MALFORMED_LINE"
NO_ANSWER_TO_REFER_TO: Final = "NO_ANSWER_TO_REFER_TO"
NOT_FOUND: Final = "not-found"
_OUTCOME: Final = "OUTCOME_"
_NOTICE: Final = "NOTICE_REASON_"

ResolveAnswer: TypeAlias = pb.IdentifyResponse | pb.LoginResponse | pb.LogoutResponse | pb.SearchResponse
Answer: TypeAlias = ResolveAnswer | pb.ModifyResponse


@dataclass(slots=True)
class Refusal:
    """Lines that were refused for one reason, with the first of them as the example."""

    first_line: int
    message: str
    lines: int = 0


@dataclass(slots=True)
class Tally:
    """Counts by call, outcome and rule; refusals by call and reason; notices by reason.

    Attributes:
        answers: Lines answered, by (call, outcome, rule). A search that found nobody is answered.
        refusals: Lines refused or failed, by (call, reason); malformed lines have the call "".
        notices: Identities that had less effect than was asked, by reason.
        lost_references: Lines sent without their `previous_mpid`, because the line they refer to has none.
        elapsed_s: From the first call to the last answer.
    """

    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refusals: dict[tuple[str, str], Refusal] = field(default_factory=dict)
    notices: Counter[str] = field(default_factory=Counter)
    lost_references: int = 0
    elapsed_s: float = 0.0
    _since: float | None = None

    @property
    def answered(self) -> int:
        """Lines that were answered."""
        return self.answers.total()

    @property
    def refused(self) -> int:
        """Lines that were refused or failed, malformed ones included."""
        return sum(refusal.lines for refusal in self.refusals.values())

    @property
    def malformed(self) -> int:
        """Lines that are no calls."""
        return sum(refusal.lines for (_, reason), refusal in self.refusals.items() if reason == MALFORMED)

    @property
    def per_s(self) -> float:
        """Lines answered in a second."""
        return self.answered / self.elapsed_s if self.elapsed_s else 0.0

    def add_answer(self, call: str, answer: Answer) -> None:
        """Count an answer and its notices."""
        if isinstance(answer, pb.ModifyResponse):
            self.answers[call, "changed" if answer.change_results else "unchanged", ""] += 1
            notices = answer.notices
        else:
            outcome = identity_pb2.Outcome.Name(answer.decision.outcome).removeprefix(_OUTCOME)
            self.answers[call, outcome.lower(), answer.decision.rule] += 1
            notices = answer.decision.notices
        for notice in notices:
            reason = identity_pb2.NoticeReason.Name(notice.reason).removeprefix(_NOTICE)
            self.notices[reason.lower().replace("_", "-")] += 1

    def add_nobody(self, call: str) -> None:
        """Count a search or read-only call that found nobody: an answer, no refusal (ID-087, ID-088)."""
        self.answers[call, NOT_FOUND, ""] += 1

    def add_refusal(self, number: int, call: str, reason: str, message: str) -> None:
        """Count a line that was refused or failed; `number` and `message` are kept of the earliest line."""
        refusal = self.refusals.setdefault((call, reason), Refusal(number, message))
        if number < refusal.first_line:
            refusal.first_line, refusal.message = number, message
        refusal.lines += 1

    def begin(self) -> None:
        """Start the clock, once."""
        self._since = self._since or perf_counter()

    def end(self) -> None:
        """Read the clock."""
        if self._since is not None:
            self.elapsed_s = perf_counter() - self._since

    def document(self) -> dict[str, Any]:
        """Give all counts for a program to read."""
        return {
            "lines": self.answered + self.refused,
            "answered": self.answered,
            "refused": self.refused,
            "malformed": self.malformed,
            "lost_references": self.lost_references,
            "elapsed_s": round(self.elapsed_s, 3),
            "answered_per_s": round(self.per_s, 1),
            "answers": [
                {"call": call, "outcome": outcome, "rule": rule, "lines": lines}
                for (call, outcome, rule), lines in sorted(self.answers.items())
            ],
            "refusals": [
                {
                    "call": call,
                    "reason": reason,
                    "lines": r.lines,
                    "first_line": r.first_line,
                    "message": r.message,
                }
                for (call, reason), r in sorted(self.refusals.items())
            ],
            "notices": dict(sorted(self.notices.items())),
        }
