"""What a preview tells, as messages."""

from __future__ import annotations

from idsync.preview.previewer import Progress
from idsync.preview.report import MAX_RULES, Group, Report, Sample
from idsync.v1 import preview_pb2 as pb

__all__ = ["preview_to_wire"]


def preview_to_wire(told: Progress | Report) -> pb.PreviewStrategyResponse:
    """Turn progress, or the report, into a message."""
    answer = pb.PreviewStrategyResponse()
    if isinstance(told, Progress):
        answer.progress.journal_seq = told.seq
        answer.progress.until_seq = told.until_seq
        answer.progress.calls = told.calls
        return answer
    report = answer.report
    report.until_seq = told.until_seq
    report.entries, report.repeated, report.refused = told.entries, told.repeated, told.refused
    report.profiles, report.candidate_profiles = told.profiles
    report.not_recorded, report.incomplete = told.not_recorded, told.incomplete
    report.erased_values = told.erased_values
    for name in Report.GROUPS:
        _group(getattr(report, name), getattr(told, name))
    for gap in told.gaps:
        report.gaps.add(from_seq=gap.from_seq, to_seq=gap.to_seq)
    for cause, (whole, in_part, no) in sorted(told.followed.items()):
        report.followed.add(cause=cause, carried_out=whole, in_part=in_part, did_not_apply=no)
    for cause, entries in sorted(told.not_replayed.items()):
        report.not_replayed.add(cause=cause, entries=entries)
    return answer


def _group(message: pb.PreviewGroup, group: Group) -> None:
    message.count, message.calls = group.count, group.calls
    for sample in group.samples:
        _sample(message.samples.add(), sample)
    for (rule, candidate_rule), times in group.rules.most_common(MAX_RULES):
        message.rules.add(rule=rule, candidate_rule=candidate_rule, count=times)


def _sample(message: pb.PreviewSample, sample: Sample) -> None:
    message.mpid, message.journal_seq, message.calls = sample.mpid, sample.seq, sample.calls
    message.candidate_mpids.extend(sample.others)
    message.owners.extend(sample.owners)
    message.rule, message.candidate_rule = sample.rule, sample.candidate_rule
    if sample.identity is not None:
        kind, value = sample.identity
        message.identity.type = kind  # type: ignore[assignment]  # the numbers are the wire's
        message.identity.value = value
