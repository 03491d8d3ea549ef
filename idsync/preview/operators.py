"""Follows in the candidate's graph what operators did in the real one: what they said holds there as well.

An entry is read back as the call that wrote it, and that call is made once more, through the same step: on
the profiles that correspond, for the identities that are there. A further kind of entry is followed by a
method of its own, and its line in `Operators._FOLLOWED`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Final, Protocol

from idsync.model.changes import ChangeSet
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import NEW, Change, ChangeKind
from idsync.model.policy import Policy
from idsync.model.quarantine import QuarantineRequest
from idsync.model.recording import HistoryEntry
from idsync.model.undo import ForbidRequest, RevertRequest, SplitRequest
from idsync.model.view import GraphView
from idsync.preview.comparison import Answered, Comparison
from idsync.preview.report import Extent
from idsync.resolve.steps.quarantining import QuarantineStep
from idsync.resolve.undo.following import Undoing, forbidden_by
from idsync.resolve.undo.forbid import ForbidStep
from idsync.resolve.undo.revert import RevertStep
from idsync.resolve.undo.split import SplitStep
from idsync.store.candidate import CandidateGraph

__all__ = ["Operators"]

_CREATED: Final = int(ChangeKind.PROFILE_CREATED)
_ADDED: Final = int(ChangeKind.IDENTITY_ADDED)
_REMOVED: Final = int(ChangeKind.IDENTITY_REMOVED)
_FORBIDDEN: Final = ChangeKind.FORBIDDEN
_PERMITTED: Final = ChangeKind.PERMITTED
_REVERTED: Final = ChangeKind.REVERTED
_QUARANTINED: Final = ChangeKind.QUARANTINED
_RELEASED: Final = ChangeKind.RELEASED
_OF_NO_RECORD: Final = frozenset({_FORBIDDEN, _PERMITTED, _REVERTED, _QUARANTINED, _RELEASED})
_SEQ: Final = 6
"""Where a change as it is kept names a side or an entry; changes that name the first side leave it out."""


class _Step(Protocol):
    def decide(self, view: GraphView) -> ChangeSet: ...


class Operators:
    """Follows one replay's entries of operators.

    Args:
        key: Whose history it is.
        policy: The candidate's.
        graph: The candidate's.
        comparison: Says who corresponds to whom.
        identities: Identities by id.
    """

    def __init__(
        self,
        key: GraphKey,
        policy: Policy,
        graph: CandidateGraph,
        comparison: Comparison,
        identities: Mapping[int, Identity],
    ) -> None:
        self._key = key
        self._policy = policy
        self._graph = graph
        self._comparison = comparison
        self._identities = identities
        self._commits: array[int] = array("I", [0])

    def note(self, seq: int, commit: int) -> None:
        """Note what the candidate committed where the entry `seq` was written; 0: nothing."""
        commits = self._commits
        if seq > len(commits):
            commits.extend([0] * (seq - len(commits)))
        commits.append(commit)

    def follow(self, entry: HistoryEntry, changes: list[list[Any]]) -> Extent | None:
        """Do what an entry says; `None`: it is none of those that are followed."""
        following = self._FOLLOWED.get(entry.cause)
        if following is None:
            return None
        extent = following(self, entry, changes)
        if changes[0][0] == _CREATED:
            self._comparison.made(entry.seq, Answered(entry.mpid, entry.rule), Answered(0, ""))
        return extent

    def _split(self, entry: HistoryEntry, changes: list[list[Any]]) -> Extent:
        """Take off what is there of what was taken off; the entry is about the profile that gets it."""
        source = next(change[1] for change in changes if change[0] == _REMOVED and change[1] != entry.mpid)
        moved = [
            self._identities[change[2]]
            for change in changes
            if change[0] == _ADDED and change[1] == entry.mpid
        ]
        mpid = self._comparison.now(source)
        person = self._graph.profile(mpid)
        there = () if person is None else tuple(i for i in moved if i in person.on_record)
        if not there:
            return Extent.NOT
        onto = None if changes[0][0] == _CREATED else self._comparison.now(entry.mpid)
        request = SplitRequest(self._key, mpid, there, onto, forbid=_forbids(changes))
        extent = Extent.WHOLE if len(there) == len(moved) else Extent.IN_PART
        return self._done(SplitStep(request, self._policy), extent, entry.mpid)

    def _revert(self, _entry: HistoryEntry, changes: list[list[Any]]) -> Extent:
        """Undo what the candidate committed where the entries that were undone had been written."""
        graph = self._graph
        undone = [change[_SEQ] for change in changes if change[0] == _REVERTED]
        commits = sorted(commit for commit in map(self._commits.__getitem__, undone) if commit)
        if not commits:
            return Extent.NOT
        made = [link for commit in commits for link in graph.forbidden.made(commit)]
        withdrawn = {each for commit in commits for each in graph.forbidden.withdrawn(commit)}
        undoing = Undoing(
            graph.version,
            {commit: graph.log.about(commit) for commit in commits},
            [identity for link in made for side in link.sides for identity in side.identities],
            dict(graph.log.links(commits, graph.people)),
            [commit for commit in commits if graph.forbidden.made(commit)],
            [
                link.sides
                for commit in sorted(withdrawn.difference(commits))
                for link in graph.forbidden.made(commit)
            ],
        )
        request = RevertRequest(self._key, commits[0], forbid=_forbids(changes))
        extent = Extent.WHOLE if len(commits) == len(undone) else Extent.IN_PART
        return self._done(RevertStep(request, undoing, self._policy), extent)

    def _forbid(self, entry: HistoryEntry, changes: list[list[Any]]) -> Extent:
        """Forbid the same, or withdraw what the candidate forbids for the same entries."""
        if not _forbids(changes):
            return self._withdraw(entry, [change[_SEQ] for change in changes])
        members = [
            Change(
                _FORBIDDEN,
                self._comparison.now(change[1]),
                None if change[2] is None else self._identities[change[2]],
                alias_seq=change[_SEQ] if len(change) > _SEQ else 0,
            )
            for change in changes
        ]
        (link,) = forbidden_by(entry.seq, members)
        step = ForbidStep(ForbidRequest(self._key, link.sides), self._policy)
        return self._done(step, Extent.WHOLE)

    def _withdraw(self, entry: HistoryEntry, seqs: list[int]) -> Extent:
        commits = [self._commits[seq] for seq in seqs]
        standing = [commit for commit in commits if self._graph.forbidden.stands(commit)]
        if not standing:
            return Extent.NOT
        self._commit([Change(_PERMITTED, NEW, alias_seq=commit) for commit in standing], entry.rule)
        return Extent.WHOLE if len(standing) == len(commits) else Extent.IN_PART

    def _quarantine(self, entry: HistoryEntry, changes: list[list[Any]]) -> Extent | None:
        """Quarantine the same value, or release it; an alarm alone says nothing of who is found."""
        for change in changes:
            if change[0] in {_QUARANTINED, _RELEASED}:
                request = QuarantineRequest(
                    self._key, self._identities[change[2]], release=change[0] == _RELEASED
                )
                return self._done(QuarantineStep(request, self._policy), Extent.WHOLE, entry.mpid)
        return None

    def _repair(self, _entry: HistoryEntry, changes: list[list[Any]]) -> Extent:
        """Do nothing: a value whose type is unique here was never on two records, and others may be."""
        unique = {int(identity_type) for identity_type in self._policy.unique}
        repaired = {change[3] for change in changes if change[0] == _REMOVED}
        return Extent.WHOLE if repaired <= unique else Extent.NOT

    def _done(self, step: _Step, extent: Extent, answered: Mpid = NEW) -> Extent:
        """Carry out a step unless it refuses, which another operator would have been told as well."""
        change_set = step.decide(self._graph)
        if not change_set.changes:
            return Extent.NOT
        self._commit(change_set.changes, change_set.rule, answered)
        return extent

    def _commit(self, changes: Collection[Change], rule: str, answered: Mpid = NEW) -> None:
        graph = self._graph
        name = self._comparison.name_for(answered) if any(c.kind == _CREATED for c in changes) else NEW
        changes = [c._replace(mpid=c.mpid or name) for c in changes]
        graph.commit([c for c in changes if c.kind not in _OF_NO_RECORD], name)
        self._comparison.rules.note(graph.seq, rule)
        made = forbidden_by(graph.seq, changes)
        if made:
            graph.forbidden.forbid(graph.seq, made)
        withdrawn = [c.alias_seq for c in changes if c.kind == _PERMITTED]
        if withdrawn:
            graph.forbidden.permit(graph.seq, withdrawn)
        for change in changes:
            if change.identity is not None and change.kind == _QUARANTINED:
                graph.quarantine(change.identity)
            elif change.identity is not None and change.kind == _RELEASED:
                graph.release(change.identity)

    _FOLLOWED: ClassVar[Mapping[str, Callable[[Operators, HistoryEntry, list[list[Any]]], Extent | None]]] = {
        "split": _split,
        "revert": _revert,
        "forbid": _forbid,
        "quarantine": _quarantine,
        "release": _quarantine,
        "alarm": _quarantine,
        "repair": _repair,
    }
    """How the entries of each cause are followed."""


def _forbids(changes: list[list[Any]]) -> bool:
    return any(change[0] == _FORBIDDEN for change in changes)
