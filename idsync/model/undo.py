"""What an operator asks for to take something back, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.must_not import Side

__all__ = ["ForbidRequest", "Forbidding", "ProfileChange", "RevertRequest", "SplitRequest", "Undone"]


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """Take identities off a profile.

    Attributes:
        identities: What to take off; at least one, none twice.
        onto: The profile that gets them; `None`: a new one.
        forbid: Leave a must-not-link between what goes and what stays.
        preview: Write nothing, and say what would happen.
        expected_version: Refuse if a profile that is concerned has a greater one.
    """

    graph: GraphKey
    mpid: Mpid
    identities: tuple[Identity, ...]
    onto: Mpid | None = None
    forbid: bool = True
    preview: bool = False
    expected_version: int | None = None
    request_id: str = ""
    input_id: str = ""


@dataclass(frozen=True, slots=True)
class RevertRequest:
    """Undo a journal entry; the attributes are those of `SplitRequest`, and these.

    Attributes:
        seq: The entry.
        with_following: Undo with it the later entries that rest on it.
    """

    graph: GraphKey
    seq: int
    with_following: bool = False
    forbid: bool = True
    preview: bool = False
    expected_version: int | None = None
    request_id: str = ""
    input_id: str = ""


@dataclass(frozen=True, slots=True)
class ForbidRequest:
    """Make a must-not-link, or withdraw those that stand between two sides.

    Attributes:
        reason: What the operator says about it; kept in the journal.
        validate_only: Write nothing, and say what would happen.
    """

    graph: GraphKey
    sides: tuple[Side, Side]
    withdraw: bool = False
    reason: str = ""
    validate_only: bool = False
    request_id: str = ""
    input_id: str = ""


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """One profile before and after.

    Attributes:
        mpid: Its name; `NEW` (0) in the preview of one that would be made.
        added: What it gets, on its record or as a description.
        removed: What it loses.
        record: What is on its record afterwards, oldest first.
        version: Position of the last entry that changed it before; 0 for a new one.
        removed_since: The entry that put each of `removed` there, in their order.
    """

    mpid: Mpid
    is_new: bool
    added: tuple[Identity, ...]
    removed: tuple[Identity, ...]
    record: tuple[Identity, ...]
    was_known: bool
    is_known: bool
    version: int
    removed_since: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """What was, or would be, done; the same for both.

    Attributes:
        profiles: Those that change, in the order of ID-011 afterwards, the newest first.
        forbidden: The must-not-links that it leaves, as pairs of sides.
        withdrawn: The entries whose must-not-links it withdraws.
        reverted: The entries that it undoes, oldest first.
        version: The greatest version among the profiles: what `expected_version` may be.
        journal_seq: The entry written; 0 for a preview.
    """

    profiles: tuple[ProfileChange, ...]
    forbidden: tuple[tuple[Side, Side], ...]
    withdrawn: tuple[int, ...]
    reverted: tuple[int, ...]
    version: int
    journal_seq: int


@dataclass(frozen=True, slots=True)
class Forbidding:
    """What was, or would be, forbidden or permitted.

    Attributes:
        links: The must-not-links that are made or withdrawn, as pairs of sides.
        withdrawn: The entries whose must-not-links are withdrawn.
        journal_seq: The entry written; 0 where only the request was checked.
    """

    links: tuple[tuple[Side, Side], ...]
    withdrawn: tuple[int, ...]
    journal_seq: int
