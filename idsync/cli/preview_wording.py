"""A preview's report in words, for the terminal and for its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from idsync.model.identity import IdentityType

if TYPE_CHECKING:
    from idsync.v1 import preview_pb2 as pb

__all__ = ["GROUPS", "Heading", "caveats", "differs", "group_of", "report_lines", "sample_text", "summary"]

_SHOWN: Final = 5
"""Samples and rules of a group that the terminal shows; the page and the JSON have all."""


class Heading(NamedTuple):
    """A group of differences: its field in the report, and what it counts."""

    field: str
    title: str
    explanation: str


GROUPS: Final = (
    Heading("joined", "profiles would be joined to another", "Their calls would find another profile."),
    Heading(
        "parted", "profiles would be parted from another", "Calls that found a profile would make a new one."
    ),
    Heading("never_made", "profiles would not be made", "The calls that made them would be refused."),
    Heading("moved", "people would get another MPID", "Their calls would be answered with another profile."),
    Heading("identities", "identities would change owner", "They would be on the record of other profiles."),
    Heading("more_refused", "calls would be refused", "They were answered."),
    Heading("fewer_refused", "calls would no longer be refused", "They were refused."),
)


def group_of(report: pb.PreviewReport, heading: Heading) -> pb.PreviewGroup:
    """Give a group of a report."""
    group: pb.PreviewGroup = getattr(report, heading.field)
    return group


def differs(report: pb.PreviewReport) -> bool:
    """Say whether a report has any difference."""
    return any(group_of(report, heading).count for heading in GROUPS)


def summary(report: pb.PreviewReport) -> Iterator[str]:
    """Say what was replayed."""
    if not report.until_seq:
        yield "the journal is empty: there is nothing to replay"
        return
    calls = report.entries + report.repeated + report.refused
    yield (
        f"{calls:,} calls replayed, up to entry {report.until_seq:,}: {report.entries:,} changed something, "
        f"{report.repeated:,} did not, {report.refused:,} were refused"
    )
    yield f"{report.profiles:,} profiles there are, {report.candidate_profiles:,} there would be"


def caveats(report: pb.PreviewReport) -> Iterator[str]:
    """Say what the report cannot know."""
    for gap in report.gaps:
        yield (
            f"entries {gap.from_seq:,} to {gap.to_seq:,}: nothing was recorded then, so calls that changed "
            "nothing or were refused are missing"
        )
    if report.incomplete:
        yield f"{report.incomplete:,} entries: of their calls only what the journal tells is known"
    if report.not_recorded:
        yield f"{report.not_recorded:,} calls could not be recorded"
    for done in report.followed:
        if done.in_part or done.did_not_apply:
            entries = done.carried_out + done.in_part + done.did_not_apply
            yield (
                f"{entries:,} entries of {done.cause}: {done.carried_out:,} were carried out, "
                f"{done.in_part:,} in part, {done.did_not_apply:,} did not apply"
            )
    for item in report.not_replayed:
        yield f"{item.entries:,} entries of {item.cause} were no calls: the candidate goes without them"
    if report.erased_values:
        yield f"{report.erased_values:,} values were erased: of each only that it was there is known"


def sample_text(sample: pb.PreviewSample) -> str:
    """Describe one difference in a line."""
    parts: list[str] = []
    others = ", ".join(_name(mpid) for mpid in sample.candidate_mpids) or "nobody"
    if sample.HasField("identity"):
        owners = ", ".join(_name(mpid) for mpid in sample.owners) or "nobody"
        kind = IdentityType(sample.identity.type).wire_name
        parts.append(f"{kind}={sample.identity.value}: {owners} -> {others}")
    elif sample.mpid:
        parts.append(f"{sample.mpid} -> {others}")
    else:
        parts.append(f"nobody -> {others}")
    if sample.calls > 1:
        parts.append(f"{sample.calls:,} calls")
    if sample.journal_seq:
        parts.append(f"entry {sample.journal_seq:,}")
    parts.append(f"{sample.rule or '-'} -> {sample.candidate_rule or '-'}")
    return "  ".join(parts)


def _name(mpid: int) -> str:
    return str(mpid) if mpid else "a new profile"


def report_lines(report: pb.PreviewReport) -> Iterator[str]:
    """Describe a report for the terminal."""
    yield from summary(report)
    yield from (f"note: {text}" for text in caveats(report))
    if not report.until_seq:
        return
    if not differs(report):
        yield "no difference"
        return
    for heading in GROUPS:
        group = group_of(report, heading)
        if not group.count:
            continue
        yield ""
        calls = f", {group.calls:,} calls" if heading.field == "moved" else ""
        yield f"{group.count:,} {heading.title}{calls}"
        for rule in group.rules[:_SHOWN]:
            yield f"  {rule.count:,} x {rule.rule or '-'} -> {rule.candidate_rule or '-'}"
        yield from (f"    {sample_text(sample)}" for sample in group.samples[:_SHOWN])
        if group.count > _SHOWN and heading.field not in {"more_refused", "fewer_refused"}:
            yield "    ..."
