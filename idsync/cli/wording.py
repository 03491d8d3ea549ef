"""Answers as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_pb2 as pb
from idsync.v1 import identity_service_pb2 as identity
from idsync.v1 import undo_pb2 as undo

__all__ = [
    "Resolved",
    "entry_lines",
    "forbidding_lines",
    "holding_lines",
    "identity_text",
    "modified_lines",
    "profile_lines",
    "resolved_lines",
    "row",
    "type_name",
    "undone_lines",
]

Resolved = (
    identity.IdentifyResponse | identity.LoginResponse | identity.LogoutResponse | identity.SearchResponse
)


def type_name(value: pb.IdentityType.ValueType) -> str:
    """Write a type as in TYPE=VALUE."""
    return pb.IdentityType.Name(value).removeprefix("IDENTITY_TYPE_").lower()


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower().replace("_", " ")


def identity_text(value: pb.Identity) -> str:
    """Write an identity as TYPE=VALUE; one whose value was erased says so."""
    if not value.value:
        return f"{type_name(value.type)} (erased)"
    return f"{type_name(value.type)}={value.value}"


def row(name: str, text: str) -> str:
    """Write a name and what it is."""
    return f"{name:<12}{text}"


def _notices(notices: Iterable[pb.Notice]) -> Iterator[str]:
    for notice in notices:
        reason = _word(pb.NoticeReason.Name(notice.reason), "NOTICE_REASON_")
        by = f" by entry {notice.journal_seq}" if notice.journal_seq else ""
        yield row("notice", f"{type_name(notice.type)}: {reason}{by}")


def resolved_lines(answer: Resolved) -> Iterator[str]:
    """Tell the answer of identify, login, logout or search."""
    decision = answer.decision
    yield row("mpid", str(answer.mpid))
    yield row("logged in", "yes" if answer.is_logged_in else "no")
    outcome = _word(pb.Outcome.Name(decision.outcome), "OUTCOME_")
    by = f", decided by {identity_text(decision.decided_by)}" if decision.HasField("decided_by") else ""
    yield row("outcome", f"{outcome} by rule {decision.rule}{by}")
    if answer.matched_identities:
        yield row("matched", " ".join(identity_text(value) for value in answer.matched_identities))
    yield row("journal", f"entry {decision.journal_seq}" if decision.journal_seq else "nothing changed")
    yield from _notices(decision.notices)


def modified_lines(answer: identity.ModifyResponse) -> Iterator[str]:
    """Tell the answer of modify."""
    for result in answer.change_results:
        yield row("changed", f"{type_name(result.type)} of {result.modified_mpid}")
    yield row("logged in", "yes" if answer.is_logged_in else "no")
    yield row("journal", f"entry {answer.journal_seq}" if answer.journal_seq else "nothing changed")
    yield from _notices(answer.notices)


def profile_lines(profile: pb.Profile) -> Iterator[str]:
    """Tell all that is known of a profile."""
    yield row("mpid", str(profile.mpid))
    yield row("graph", f"{profile.scope}, {_word(pb.Environment.Name(profile.environment), 'ENVIRONMENT_')}")
    state = _word(pb.ProfileState.Name(profile.state), "PROFILE_STATE_")
    yield row("state", f"{state}, {'known' if profile.is_known else 'anonymous'}")
    yield row("created", profile.create_time.ToJsonString())
    if profile.HasField("last_returned_time"):
        yield row("returned", profile.last_returned_time.ToJsonString())
    if profile.HasField("source_mpid"):
        yield row("source", str(profile.source_mpid))
    for mpid in profile.moved_to_mpids:
        yield row("moved to", str(mpid))
    for name, recorded in (("identity", profile.identities), ("described", profile.descriptive_identities)):
        for each in recorded:
            since = f"{each.added_time.ToJsonString()}, entry {each.journal_seq}, rule {each.rule}"
            yield row(name, f"{identity_text(each.identity)}  (since {since})")
    for alias in profile.aliases:
        state = _word(pb.AliasState.Name(alias.state), "ALIAS_STATE_")
        why = f": {alias.ignored_reason}" if alias.ignored_reason else ""
        yield row("alias", f"{alias.source_mpid} -> {alias.destination_mpid}, {state}{why}")
    for note in profile.notes:
        yield row("note", f"{note.kind} {note.other_mpid} at {note.time.ToJsonString()}")


def holding_lines(holding: graph.Holding) -> Iterator[str]:
    """Tell who held an identity, from when to when."""
    yield row("mpid", str(holding.mpid))
    yield row("since", _bound(holding.since))
    yield row("until", _bound(holding.until) if holding.HasField("until") else "now")


def _bound(bound: graph.HoldingBound) -> str:
    return f"{bound.time.ToJsonString()}, entry {bound.journal_seq}, {bound.cause} by rule {bound.rule}"


def entry_lines(entry: graph.JournalEntry) -> Iterator[str]:
    """Tell one journal entry."""
    by = f" by {entry.input_id}" if entry.input_id else ""
    about = str(entry.mpid) if entry.mpid else "values alone"
    yield f"{entry.seq}  {entry.time.ToJsonString()}  {entry.cause}{by}: {about} by rule {entry.rule}"
    for change in entry.changes:
        kind = _word(graph.ChangeKind.Name(change.kind), "CHANGE_KIND_")
        value = f" {identity_text(change.identity)}" if change.HasField("identity") else ""
        other = f" ({change.other_mpid})" if change.HasField("other_mpid") else ""
        ref = f" entry {change.ref_seq}" if change.ref_seq else ""
        is_member = change.kind == graph.CHANGE_KIND_FORBIDDEN
        mpid = f" {change.mpid}" if change.mpid and not (ref or (is_member and value)) else ""
        why = f" ({change.reason})" if change.reason and not is_member else ""
        side = f" (side {change.side + 1})" if is_member else ""
        yield f"    {kind}{mpid}{value}{other}{ref}{side}{why}"


def undone_lines(answer: undo.Undone) -> Iterator[str]:
    """Tell what a split or a revert did, or would do."""
    for seq in answer.reverted_seqs:
        yield row("undone", f"entry {seq}")
    for profile in answer.profiles:
        name = str(profile.mpid) if profile.mpid else "a new one"
        said = "known" if profile.is_known else "anonymous"
        was = "known" if profile.was_known else "anonymous"
        change = "new, " if profile.is_new else f"was {was}, " if was != said else ""
        yield row("profile", f"{name}  ({change}{said})")
        for identity_, seq in zip_longest(profile.removed, profile.removed_since_seqs):
            # a service of an older version does not say since when
            since = f"  (since entry {seq})" if seq else ""
            yield row("  loses", f"{identity_text(identity_)}{since}")
        for identity_ in profile.added:
            yield row("  gets", identity_text(identity_))
        yield row("  then has", " ".join(identity_text(each) for each in profile.identities) or "nothing")
    yield from _links("forbidden", answer.forbidden)
    for seq in answer.withdrawn_seqs:
        yield row("permitted", f"what entry {seq} had forbidden")
    yield row("version", str(answer.version))
    yield row("journal", _written(answer.journal_seq))


def forbidding_lines(answer: undo.ForbidResponse) -> Iterator[str]:
    """Tell what was, or would be, forbidden or permitted."""
    yield from _links("permitted" if answer.withdrawn_seqs else "forbidden", answer.links)
    for seq in answer.withdrawn_seqs:
        yield row("withdrawn", f"entry {seq}")
    yield row("journal", _written(answer.journal_seq))


def _links(name: str, links: Iterable[undo.MustNotLink]) -> Iterator[str]:
    for link in links:
        yield row(name, f"{_side(link.first)}  |  {_side(link.second)}")


def _side(side: undo.MustNotSide) -> str:
    parts = [identity_text(each) for each in side.identities]
    if side.HasField("mpid"):
        parts.append(f"profile {side.mpid}" if side.mpid else "the new profile")
    return " ".join(parts)


def _written(journal_seq: int) -> str:
    return f"entry {journal_seq}" if journal_seq else "nothing was written"
