"""Journal entries as sentences for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from idsync.model.identity import Identity, IdentityType
from idsync.model.journal import Change, ChangeKind, JournalEntry
from idsync.model.notice import Notice, NoticeReason

__all__ = ["entry_sentence", "named", "notice_sentence"]

_NOTICES: Final = {
    NoticeReason.BLANK: "was blank and counted as not sent",
    NoticeReason.OPTED_OUT: "was all zeros, so the person opted out, and counted as not sent",
    NoticeReason.LOGIN_ID_IN_LOGOUT: "is a login ID and was left out of the logout",
    NoticeReason.OUTSIDE_PRIORITY: "is outside the identity priority and was only kept as a description",
    NoticeReason.HELD_ELSEWHERE: "is unique and on another profile, so it was not added",
    NoticeReason.IMMUTABLE_SET: "is immutable and already set, so it was not added",
    NoticeReason.OLDEST_DROPPED: "was at its maximum, so the oldest value was dropped",
    NoticeReason.BLOCKED: "had a value that the scope blocks and counted as not sent",
    NoticeReason.CONFLICT: "is unique, and a profile that has another one was passed over",
    NoticeReason.FORBIDDEN: "was not added, as that was forbidden",
    NoticeReason.QUARANTINED: "finds nobody but the previous profile, as it was quarantined",
}

_UNDOING: Final = frozenset({"split", "revert", "forbid"})


def named(identity: Identity) -> str:
    """Name an identity for a reader who may see it."""
    return (
        f"{identity.type.wire_name} {identity.value!r}"
        if identity.value
        else f"{identity.type.wire_name} (erased)"
    )


def entry_sentence(entry: JournalEntry) -> Iterator[str]:
    """Tell what one entry saw and changed."""
    evidence = entry.evidence
    led = f" led to profile {entry.mpid}" if entry.mpid else ", about values alone,"
    yield f"Journal entry {entry.seq}: {entry.cause}{led} by the rule {entry.rule}."
    if evidence.decided_by is not None:
        several = f" among {evidence.candidates} candidates" if evidence.candidates > 1 else ""
        yield f"The walk was settled by the {named(evidence.decided_by)}{several}."
    elif entry.cause not in _UNDOING and any(c.kind is ChangeKind.PROFILE_CREATED for c in entry.changes):
        yield "No eligible profile had any of its identities."
    if evidence.matched:
        yield f"Already on the profile: {', '.join(named(i) for i in evidence.matched)}."
    for change in entry.changes:
        yield _change(change)
    yield from map(notice_sentence, evidence.notices)


def notice_sentence(notice: Notice) -> str:
    """Tell what had less effect than a reader might expect, and why."""
    by = f" by journal entry {notice.seq}" if notice.seq else ""
    return f"The {IdentityType(notice.type).wire_name} {_NOTICES[notice.reason]}{by}."


def _why(change: Change) -> str:
    return f" ({change.reason})." if change.reason else "."


def _change(change: Change) -> str:
    what = "" if change.identity is None else named(change.identity)
    texts = {
        ChangeKind.PROFILE_CREATED: f"Profile {change.mpid} was created"
        + (f", with {change.other} as its source." if change.other is not None else "."),
        ChangeKind.IDENTITY_ADDED: f"The {what} was added to profile {change.mpid}.",
        ChangeKind.IDENTITY_REMOVED: f"The {what} was taken off profile {change.mpid}.",
        ChangeKind.BECAME_KNOWN: f"Profile {change.mpid} became known.",
        ChangeKind.BECAME_ANONYMOUS: f"Profile {change.mpid} became anonymous.",
        ChangeKind.RETURNED: f"Profile {change.mpid} is now the latest of those that share a value.",
        ChangeKind.DESCRIPTION_ADDED: f"The {what} was kept with profile {change.mpid} as a description.",
        ChangeKind.DESCRIPTION_REMOVED: f"The description {what} was removed from profile {change.mpid}.",
        ChangeKind.ALIAS_TAKEN: f"An alias from {change.mpid} to {change.other} was taken.",
        ChangeKind.ALIAS_IGNORED: f"The alias from {change.mpid} was ignored ({change.reason}).",
        ChangeKind.ALIAS_APPLIED: f"The alias from {change.mpid} to {change.other} was carried out.",
        ChangeKind.PROFILE_ERASED: f"Profile {change.mpid} was erased.",
        ChangeKind.ACTIVE: f"Profile {change.mpid} was in use.",
        ChangeKind.FORBIDDEN: f"Side {change.alias_seq + 1} of what must not be together: "
        + (f"the {what}" if what else f"profile {change.mpid}")
        + (f" ({change.reason})." if change.reason else "."),
        ChangeKind.PERMITTED: f"What journal entry {change.alias_seq} had forbidden was permitted again.",
        ChangeKind.REVERTED: f"Journal entry {change.alias_seq} was undone.",
        ChangeKind.VALUE_ERASED: f"The {what} went with profile {change.mpid}.",
        ChangeKind.QUARANTINED: f"The {what} was quarantined: nobody is found by it" + _why(change),
        ChangeKind.RELEASED: f"The {what}, quarantined by journal entry {change.alias_seq}, was released"
        + _why(change),
        ChangeKind.ALARM_RAISED: f"The {what} crossed a limit" + _why(change),
        ChangeKind.ALARM_ENDED: f"The alarm about the {what} ended" + _why(change),
        ChangeKind.VALUE_KEPT: f"The {what} of profile {change.mpid} stays, as others hold it.",
    }
    return texts[change.kind]
