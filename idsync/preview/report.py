"""What a preview found: counts, samples and rules, by group."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple

from idsync.model.identity import Mpid

__all__ = ["MAX_RULES", "MAX_SAMPLES", "Extent", "Gap", "Group", "Report", "Sample"]

MAX_SAMPLES: Final = 20
"""Examples that a group shows; its count says how many there are."""
MAX_RULES: Final = 50
"""Pairs of rules that a group shows, the most frequent ones."""


class Sample(NamedTuple):
    """One difference.

    Attributes:
        mpid: The profile as it is; 0 where there is none.
        others: Who it would be, or where its identity would be; 0 stands for a profile that would be new.
        seq: Position in the journal that the call came at or after; 0 where no single call is meant.
        calls: How many calls are concerned.
        rule: What decided.
        candidate_rule: What would have decided.
        identity: Type and value of the identity concerned; `None` where none is.
        owners: Who has the identity on the record.
    """

    mpid: Mpid = 0
    others: tuple[Mpid, ...] = ()
    seq: int = 0
    calls: int = 0
    rule: str = ""
    candidate_rule: str = ""
    identity: tuple[int, str] | None = None
    owners: tuple[Mpid, ...] = ()


@dataclass(slots=True)
class Group:
    """Differences of one kind.

    Attributes:
        count: How many profiles, people, identities or calls.
        calls: How many calls are concerned.
        rules: How often which rule would have given way to which.
    """

    count: int = 0
    calls: int = 0
    samples: list[Sample] = field(default_factory=list)
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, sample: Sample, calls: int = 0) -> None:
        """Count one difference, and keep it as an example where there is room."""
        self.count += 1
        self.calls += calls
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append(sample)
        if sample.rule or sample.candidate_rule:
            self.rules[sample.rule, sample.candidate_rule] += 1


class Gap(NamedTuple):
    """Entries while which nothing was recorded: of their time only the journal is known."""

    from_seq: int
    to_seq: int


class Extent(IntEnum):
    """How far the candidate follows an operator's entry: a place in `Report.followed`."""

    WHOLE = 0
    IN_PART = 1
    """Some of the identities, or of the entries that are undone, are there."""
    NOT = 2
    """Nothing of it is there, or the candidate's settings stand against it."""


@dataclass(slots=True)
class Report:
    """How the outcome of the same calls would differ.

    Attributes:
        until_seq: The entry up to which calls were replayed.
        entries: Entries of the journal that are calls.
        repeated: Recorded calls that changed nothing.
        refused: Recorded calls that were refused.
        profiles: Profiles that there are now, and in the candidate's graph.
        joined: Profiles that would be one with another.
        parted: Profiles that would be made besides those that there are.
        never_made: Profiles that would not be made, for their calls would be refused.
        moved: People who would get another MPID.
        identities: Identities that would be on other profiles.
        more_refused: Calls that would be refused.
        fewer_refused: Calls that would not be.
        gaps: Entries while which nothing was recorded.
        not_recorded: Calls of recorded times that could not be recorded.
        incomplete: Entries whose call is known only as far as the journal tells.
        followed: What operators did, by its cause: how many entries to which `Extent`.
        not_replayed: Entries that are no calls of people, by their cause: the candidate goes without them.
        erased_values: Values that the replay knows only as something that was erased.
        peak_bytes: Memory that the replay took at its peak.
    """

    until_seq: int = 0
    entries: int = 0
    repeated: int = 0
    refused: int = 0
    profiles: tuple[int, int] = (0, 0)
    joined: Group = field(default_factory=Group)
    parted: Group = field(default_factory=Group)
    never_made: Group = field(default_factory=Group)
    moved: Group = field(default_factory=Group)
    identities: Group = field(default_factory=Group)
    more_refused: Group = field(default_factory=Group)
    fewer_refused: Group = field(default_factory=Group)
    gaps: list[Gap] = field(default_factory=list)
    not_recorded: int = 0
    incomplete: int = 0
    followed: dict[str, list[int]] = field(default_factory=dict)
    not_replayed: Counter[str] = field(default_factory=Counter)
    erased_values: int = 0
    peak_bytes: int = 0

    GROUPS = ("joined", "parted", "never_made", "moved", "identities", "more_refused", "fewer_refused")

    def follow(self, cause: str, extent: Extent) -> None:
        """Count an operator's entry."""
        self.followed.setdefault(cause, [0] * len(Extent))[extent] += 1

    def differs(self) -> bool:
        """Say whether there is any difference."""
        return any(getattr(self, name).count for name in self.GROUPS)

    def to_document(self) -> dict[str, Any]:
        """Give it as plain values."""
        document = {name: getattr(self, name) for name in self.__slots__ if name not in self.GROUPS}
        document["not_replayed"] = dict(self.not_replayed)
        for name in self.GROUPS:
            group: Group = getattr(self, name)
            document[name] = {
                "count": group.count,
                "calls": group.calls,
                "samples": [list(sample) for sample in group.samples],
                "rules": [[*pair, times] for pair, times in group.rules.most_common(MAX_RULES)],
            }
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Report:
        """Read it back."""
        report = cls()
        for name in cls.__slots__:
            value = document[name]
            if name in cls.GROUPS:
                value = Group(
                    value["count"],
                    value["calls"],
                    [_sample(sample) for sample in value["samples"]],
                    Counter({(rule, other): times for rule, other, times in value["rules"]}),
                )
            elif name == "gaps":
                value = [Gap(*gap) for gap in value]
            elif name == "profiles":
                value = tuple(value)
            elif name == "not_replayed":
                value = Counter(value)
            setattr(report, name, value)
        return report


def _sample(kept: list[Any]) -> Sample:
    sample = Sample(*kept)
    identity = None if sample.identity is None else (sample.identity[0], sample.identity[1])
    return sample._replace(others=tuple(sample.others), owners=tuple(sample.owners), identity=identity)
