"""Replays the history of a graph through the steps of the resolver, over a graph of its own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any, Final

import orjson

from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import ALIAS_KINDS, ChangeKind
from idsync.model.notice import NoticeReason
from idsync.model.recording import HistoryCall, HistoryEntry, HistoryPage
from idsync.preview.calls import OPERATIONS, TYPES, Calls
from idsync.preview.comparison import Answered, Comparison
from idsync.preview.operators import Operators
from idsync.preview.remembered import Remembered
from idsync.preview.report import Report
from idsync.resolve.scope import Scope
from idsync.store.candidate import CandidateGraph

__all__ = ["Replay"]

_CREATED: Final = int(ChangeKind.PROFILE_CREATED)
_ADDED: Final = int(ChangeKind.IDENTITY_ADDED)
_REMOVED: Final = int(ChangeKind.IDENTITY_REMOVED)
_DESCRIBED: Final = int(ChangeKind.DESCRIPTION_ADDED)
_NO_LONGER_DESCRIBED: Final = int(ChangeKind.DESCRIPTION_REMOVED)
_ERASED: Final = int(ChangeKind.PROFILE_ERASED)
_TAKEN: Final = int(ChangeKind.ALIAS_TAKEN)
_LEFT_OUT: Final = frozenset(
    {int(NoticeReason.LOGIN_ID_IN_LOGOUT), int(NoticeReason.BLOCKED), int(NoticeReason.IMMUTABLE_SET)}
)
"""What a call sent and an entry need not name."""
_OF_NO_CALL: Final = frozenset(map(int, {*ALIAS_KINDS, ChangeKind.ALARM_RAISED, ChangeKind.ALARM_ENDED}))
"""What no decision rests on."""


class Replay:
    """One replay; pages go in, a report comes out.

    Args:
        key: Whose history it is.
        scope: The candidate's settings and strategy.
    """

    def __init__(self, key: GraphKey, scope: Scope) -> None:
        # what retention removed is in the journal
        scope = Scope(replace(scope.policy, inactive_days=None), scope.strategy)
        self._aliasing = scope.strategy.aliasing
        self._graph = CandidateGraph(scope.policy.login_set)
        self._comparison = Comparison(self._graph)
        self._identities: dict[int, Identity] = {}
        self._calls = Calls(key, scope, self._graph, self._comparison, self._identities)
        self._operators = Operators(key, scope.policy, self._graph, self._comparison, self._identities)
        self._remembered = Remembered(self._graph)
        self._erased: set[int] = set()
        self._sent: dict[int, HistoryCall] = {}
        self._waiting: list[HistoryEntry] = []
        self._next = 0
        self.report = Report()
        self.calls = 0

    @property
    def seq(self) -> int:
        """The entry that was replayed last."""
        return self.report.until_seq

    def take(self, page: HistoryPage) -> None:
        """Go on with one page."""
        for identity_id, kind, kept in page.identities:
            # as good as any other that nobody sends
            value = f"\0erased {identity_id}" if kept is None else kept
            self._identities[identity_id] = Identity(TYPES[kind], value)
            if kept is None:
                self._erased.add(identity_id)
        self._waiting += page.entries
        for call in page.calls:
            if call.seq:
                self._sent[call.seq] = call
            else:
                self._entries(call.after_seq)
                self._call(call)
        if page.until_seq:
            self._entries(page.until_seq)

    def _entries(self, until_seq: int) -> None:
        waiting = self._waiting
        while self._next < len(waiting) and waiting[self._next].seq <= until_seq:
            self._entry(waiting[self._next])
            self._next += 1
        if self._next == len(waiting):
            waiting.clear()
            self._next = 0

    def finish(self) -> Report:
        """Compare what has become of both graphs."""
        self._comparison.into(self.report, self._identities, self._erased)
        self.report.erased_values = len(self._erased)
        return self.report

    # -- entries -------------------------------------------------------------------------------------------

    def _entry(self, entry: HistoryEntry) -> None:
        changes, evidence = orjson.loads(entry.body)
        commits = self._graph.seq
        self._replay_entry(entry, changes, evidence)
        self._operators.note(entry.seq, self._graph.seq if self._graph.seq > commits else 0)

    def _replay_entry(self, entry: HistoryEntry, changes: list[list[Any]], evidence: list[Any]) -> None:
        self._comparison.live.add(entry.seq, entry.rule, changes)
        self.report.until_seq = entry.seq
        sent = self._sent.pop(entry.seq, None)
        if sent is not None and (sent.operation != entry.cause or sent.mpid != entry.mpid):
            # of an entry that was lost with the disk it was to be written to
            sent = None
        was = Answered(entry.mpid, entry.rule)
        if entry.cause in OPERATIONS:
            self.report.entries += 1
            self.calls += 1
            identities, named = self._sent_by(evidence, sent)
            would, created = self._calls.resolve(entry.cause, identities, named, entry.mpid)
            if changes and changes[0][0] == _CREATED:
                self._comparison.made(entry.seq, was, would)
            self._comparison.compare(entry.seq, was, would, 1, created=created)
        elif entry.cause == "modify":
            self.report.entries += 1
            self.calls += 1
            self.report.incomplete += sent is None
            asked = _changes_of(changes, entry.mpid) if sent is None else orjson.loads(sent.body)
            would = self._calls.modify(self._comparison.now(entry.mpid), asked)
            self._comparison.compare(entry.seq, was, would, 1, created=False)
        else:
            self._other(entry, changes)

    def _sent_by(self, evidence: list[Any], sent: HistoryCall | None) -> tuple[list[Identity], Mpid | None]:
        asked, _, _, _, previous, notices = evidence[:6]
        if sent is not None:
            asked = orjson.loads(sent.body)
        elif notices:
            known = {self._identities[i].type for i in asked}
            self.report.incomplete += any(
                reason in _LEFT_OUT and kind not in known for kind, reason, *_ in notices
            )
        return [self._identities[i] for i in asked], self._named(previous)

    def _named(self, previous: Mpid | None) -> Mpid | None:
        return None if previous is None else self._comparison.now(previous)

    def _other(self, entry: HistoryEntry, changes: list[list[Any]]) -> None:
        """Follow what was no call: removals and undoings hold here as well, aliases and alarms do nothing."""
        kinds = {change[0] for change in changes}
        if _ERASED in kinds:
            for change in changes:
                if change[0] == _ERASED:
                    self._comparison.erase(change[1])
        elif _TAKEN in kinds and not self._aliasing:
            was, would = Answered(entry.mpid, entry.rule), Answered(0, "alias/not-available")
            self._comparison.compare(entry.seq, was, would, 1, created=False)
        elif not kinds <= _OF_NO_CALL:
            extent = self._operators.follow(entry, changes)
            if extent is None:
                self.report.not_replayed[entry.cause] += 1
            else:
                self.report.follow(entry.cause, extent)
                self._remembered.forget()

    # -- calls that changed nothing ------------------------------------------------------------------------

    def _call(self, call: HistoryCall) -> None:
        """Replay a call as often as it came, or until once more would change nothing."""
        if call.mpid:
            self.report.repeated += call.times
        else:
            self.report.refused += call.times
        self.calls += call.times
        was, left = Answered(call.mpid, call.rule), call.times
        if call.operation == "modify":
            asked = orjson.loads(call.body)
            while left:
                commits = self._graph.seq
                would = self._calls.modify(self._comparison.now(call.named or 0), asked)
                left = self._compared(call, was, would, left, commits, created=False)
            return
        named = self._named(call.named)
        known = self._remembered.recall((call.operation, call.body, named))
        if known is not None:
            self._comparison.compare(call.after_seq, was, known, left, created=False)
            return
        identities = [self._identities[i] for i in orjson.loads(call.body)]
        while left:
            commits = self._graph.seq
            named = self._named(call.named)
            would, created = self._calls.resolve(call.operation, identities, named, call.mpid)
            if self._graph.seq == commits:
                self._remembered.keep((call.operation, call.body, named), identities, would)
            left = self._compared(call, was, would, left, commits, created=created)

    def _compared(
        self, call: HistoryCall, was: Answered, would: Answered, left: int, commits: int, *, created: bool
    ) -> int:
        """Compare one call, or all that are left if one more would change nothing; says how many are left."""
        times = 1 if self._graph.seq > commits else left
        self._comparison.compare(call.after_seq, was, would, times, created=created)
        return left - times


def _changes_of(changes: list[list[Any]], mpid: Mpid) -> list[list[Any]]:
    """Make changes that have the effect which an entry says they had."""
    removed: defaultdict[int, list[Any]] = defaultdict(list)
    asked: list[list[Any]] = []
    for kind, changed, identity_id, identity_type, *_ in changes:
        if changed != mpid:
            continue
        if kind in {_REMOVED, _NO_LONGER_DESCRIBED}:
            removed[identity_type].append(identity_id)
        elif kind in {_ADDED, _DESCRIBED}:
            asked.append([identity_type, None, identity_id])
    gone = [[kind, identity_id, None] for kind, ids in removed.items() for identity_id in ids]
    return gone + asked
