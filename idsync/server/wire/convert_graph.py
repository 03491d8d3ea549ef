"""Profiles, journal entries and explanations to the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from idsync.model.identity import type_set
from idsync.model.journal import Change, ChangeKind, Evidence, JournalEntry
from idsync.model.policy import Policy
from idsync.model.profile import Link, Profile, RecordedIdentity
from idsync.resolve.explain import Explanation
from idsync.server.wire.convert import identities_to_wire, identity_to_wire, notices_to_wire
from idsync.server.wire.convert_alias import alias_to_wire, notes_to_wire
from idsync.server.wire.convert_reasoning import reasoning_to_wire
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import identity_pb2

__all__ = ["entry_to_wire", "explanation_to_wire", "holding_to_wire", "profile_to_wire"]

_REFERRING: Final = frozenset({ChangeKind.PERMITTED, ChangeKind.REVERTED, ChangeKind.RELEASED})
_QUARANTINES: Final = frozenset({ChangeKind.QUARANTINED, ChangeKind.RELEASED})
_ALARMS: Final = frozenset({ChangeKind.ALARM_RAISED, ChangeKind.ALARM_ENDED})


def profile_to_wire(message: identity_pb2.Profile, profile: Profile, policy: Policy) -> None:
    """Fill a `Profile` message (ID-250); known or anonymous by the record as it is (ID-008)."""
    message.mpid = profile.mpid
    message.scope = profile.graph.scope
    message.environment = profile.graph.environment  # type: ignore[assignment]  # the numbers are the wire's
    _recorded_to_wire(message.identities.add, profile.identities)
    _recorded_to_wire(message.descriptive_identities.add, profile.descriptions)
    message.is_known = policy.is_known(type_set(r.identity.type for r in profile.identities))
    message.state = identity_pb2.PROFILE_STATE_ERASED if profile.erased else identity_pb2.PROFILE_STATE_LIVE
    if profile.source is not None:
        message.source_mpid = profile.source
    message.create_time.FromMilliseconds(profile.created_ms)
    if profile.returned_ms is not None:
        message.last_returned_time.FromMilliseconds(profile.returned_ms)
    message.moved_to_mpids.extend(profile.moved_to)
    for record in profile.aliases:
        alias_to_wire(message.aliases.add(), record)
    notes_to_wire(message, profile)


def _recorded_to_wire(
    add: Callable[[], identity_pb2.RecordedIdentity], recorded: Iterable[RecordedIdentity]
) -> None:
    for one in recorded:
        message = add()
        identity_to_wire(message.identity, one.identity)
        message.added_time.FromMilliseconds(one.since_ms)
        message.journal_seq = one.since_seq
        message.rule = one.rule


def entry_to_wire(message: pb.JournalEntry, entry: JournalEntry) -> None:
    """Fill a `JournalEntry` message."""
    message.scope = entry.graph.scope
    message.environment = entry.graph.environment  # type: ignore[assignment]
    message.seq = entry.seq
    message.time.FromMilliseconds(entry.at_ms)
    message.cause = entry.cause
    message.rule = entry.rule
    message.request_id = entry.request_id
    message.input_id = entry.input_id
    message.mpid = entry.mpid
    for change in entry.changes:
        _change_to_wire(message.changes.add(), change)
    _evidence_to_wire(message.evidence, entry.evidence)


def _change_to_wire(message: pb.Change, change: Change) -> None:
    message.kind = change.kind  # type: ignore[assignment]
    message.mpid = change.mpid
    if change.identity is not None:
        identity_to_wire(message.identity, change.identity)
    if change.other is not None:
        message.other_mpid = change.other
    if change.kind is ChangeKind.FORBIDDEN:
        message.side = change.alias_seq
        message.reason = change.reason
    elif change.kind in _REFERRING:
        message.ref_seq = change.alias_seq
    elif change.kind in _ALARMS:
        message.alarm = change.alias_seq  # type: ignore[assignment]
        message.reason = change.reason
    if change.kind in _QUARANTINES:
        message.reason = change.reason


def _evidence_to_wire(message: pb.Evidence, evidence: Evidence) -> None:
    identities_to_wire(message.asked.add, evidence.asked)
    identities_to_wire(message.matched.add, evidence.matched)
    if evidence.decided_by is not None:
        identity_to_wire(message.decided_by, evidence.decided_by)
    message.candidates = evidence.candidates
    if evidence.previous_mpid is not None:
        message.previous_mpid = evidence.previous_mpid
    notices_to_wire(message.notices.add, evidence.notices)


def holding_to_wire(message: pb.Holding, link: Link, entries: Mapping[int, JournalEntry]) -> None:
    """Fill a `Holding` message; `entries` has those that began and ended it."""
    message.mpid = link.mpid
    _bound_to_wire(message.since, entries[link.since_seq])
    if link.until_seq is not None:
        _bound_to_wire(message.until, entries[link.until_seq])


def _bound_to_wire(message: pb.HoldingBound, entry: JournalEntry) -> None:
    message.time.FromMilliseconds(entry.at_ms)
    message.journal_seq = entry.seq
    message.cause = entry.cause
    message.rule = entry.rule


def explanation_to_wire(explanation: Explanation) -> pb.ExplainResponse:
    """Build the answer to an explain."""
    answer = pb.ExplainResponse(sentences=explanation.sentences)
    answer.verdict = explanation.verdict  # type: ignore[assignment]
    for link in explanation.links:
        message = answer.links.add(mpid=link.mpid, since_seq=link.since_seq, until_seq=link.until_seq or 0)
        identity_to_wire(message.identity, link.identity)
    for entry in explanation.entries:
        entry_to_wire(answer.entries.add(), entry)
    if explanation.reasoning is not None:
        reasoning_to_wire(answer.reasoning, explanation.reasoning)
    return answer
