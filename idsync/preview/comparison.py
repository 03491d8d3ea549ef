"""What happened beside what would have happened: who corresponds to whom, and where they differ.

A profile of the candidate corresponds to the one that was really answered to the call which creates it. The
first to do so bears its MPID, so that where nothing differs both graphs are the same.
"""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import Final, NamedTuple

from idsync.model.identity import Identity, Mpid
from idsync.preview.live import LiveGraph, Rules
from idsync.preview.report import MAX_SAMPLES, Group, Report, Sample
from idsync.store.candidate import CandidateGraph

__all__ = ["Answered", "Comparison"]

_FIRST_NEW: Final = -(1 << 62)
"""Names of profiles that only the candidate has begin here, far from those that a store gives."""


class Answered(NamedTuple):
    """What became of a call; `mpid` 0: it was refused."""

    mpid: Mpid
    rule: str


class _Moved(NamedTuple):
    calls: int
    first: Sample


class Comparison:
    """Follows a replay call by call.

    Args:
        graph: The candidate's.
    """

    def __init__(self, graph: CandidateGraph) -> None:
        self._graph = graph
        self.rules = Rules()
        self.live = LiveGraph()
        self._named: set[Mpid] = set()
        self._fresh = count(_FIRST_NEW)
        self._besides: dict[Mpid, Sample] = {}
        self._unmade: dict[Mpid, Sample] = {}
        self._now: dict[Mpid, Mpid] = {}
        self._people: dict[Mpid, _Moved] = {}
        self._moved_rules: Counter[tuple[str, str]] = Counter()
        self._refused = {True: Group(), False: Group()}

    # -- correspondence ------------------------------------------------------------------------------------

    def name_for(self, mpid: Mpid) -> Mpid:
        """Name the profile that the candidate creates where `mpid` was answered; 0: nobody was."""
        if mpid and mpid not in self._named:
            self._named.add(mpid)
            return mpid
        return next(self._fresh)

    def now(self, mpid: Mpid) -> Mpid:
        """Say whom a client means that was answered `mpid`: what it would have been answered last."""
        return self._now.get(mpid, mpid)

    # -- calls ---------------------------------------------------------------------------------------------

    def compare(self, seq: int, was: Answered, would: Answered, times: int, *, created: bool) -> None:
        """Compare the answers to a call, or to several alike.

        Args:
            seq: Position that the call came at or after.
            was: What happened.
            would: What the candidate does.
            times: How many calls.
            created: Whether the candidate creates the profile that it answers.
        """
        if was.mpid and would.mpid == was.mpid:
            self._now.pop(was.mpid, None)
            self._unmade.pop(was.mpid, None)
            return
        if created:
            self._besides[would.mpid] = _sample(seq, was, would, times)
        if was.mpid and would.mpid:
            self._now[was.mpid] = would.mpid
            self._moved_rules[was.rule, would.rule] += times
            known = self._people.get(was.mpid)
            self._people[was.mpid] = (
                _Moved(times, _sample(seq, was, would, times))
                if known is None
                else _Moved(known.calls + times, known.first)
            )
        elif was.mpid or would.mpid:
            self._refuse(_sample(seq, was, would, times), times, more=bool(was.mpid))

    def made(self, seq: int, was: Answered, would: Answered) -> None:
        """Note that a profile was really created, which the candidate may not have."""
        if was.mpid not in self._named:
            self._unmade[was.mpid] = _sample(seq, was, would, 1)

    def _refuse(self, sample: Sample, times: int, *, more: bool) -> None:
        group = self._refused[more]
        group.count += times
        group.calls += times
        group.rules[sample.rule, sample.candidate_rule] += times
        if len(group.samples) < MAX_SAMPLES:
            group.samples.append(sample._replace(others=()) if more else sample)

    def erase(self, mpid: Mpid) -> None:
        """Erase whoever corresponds to a profile that was erased."""
        besides = [other for other, sample in self._besides.items() if sample.mpid == mpid]
        for other in (mpid, *besides):
            self._besides.pop(other, None)
            if other in self._graph.people:
                self._graph.erase(other)
        self._unmade.pop(mpid, None)
        self._now.pop(mpid, None)

    # -- the outcome ---------------------------------------------------------------------------------------

    def into(self, report: Report, identities: dict[int, Identity], erased: set[int]) -> None:
        """Put what was found into a report.

        Args:
            report: Where to.
            identities: All identities by id.
            erased: Those whose values are gone.
        """
        report.profiles = self.live.profiles, len(self._graph.people)
        for mpid, sample in self._besides.items():
            if mpid in self._graph.people:
                report.parted.add(self._shown(sample), sample.calls)
        for mpid, sample in self._unmade.items():
            other = self._now.get(mpid)
            if other is None:
                report.never_made.add(sample._replace(others=()), 1)
            else:
                report.joined.add(self._shown(sample._replace(others=(other,))), 1)
        report.moved.rules = self._moved_rules
        people = sorted(self._people.items(), key=lambda item: (-item[1].calls, item[0]))
        for _, (calls, sample) in people:
            report.moved.count += 1
            report.moved.calls += calls
            if len(report.moved.samples) < MAX_SAMPLES:
                report.moved.samples.append(self._shown(sample._replace(calls=calls)))
        report.more_refused, report.fewer_refused = self._refused[True], self._refused[False]
        for group in (report.more_refused, report.fewer_refused):
            group.samples = [self._shown(sample) for sample in group.samples]
        sole_owner, would_own = self.live.sole_owner, self._graph.sole_owner
        for identity_id, identity in identities.items():
            sole = sole_owner(identity_id)
            if sole is not None and sole == would_own(identity):
                continue
            if identity_id > 0 and identity_id not in erased:
                self._compare_owners(report.identities, identity_id, identity)

    def _shown(self, sample: Sample) -> Sample:
        return sample._replace(others=tuple(sorted({self._public(mpid) for mpid in sample.others})))

    def _public(self, mpid: Mpid) -> Mpid:
        """Name a profile that only the candidate has by none: it has no MPID yet."""
        return mpid if mpid in self._named else 0

    def _compare_owners(self, group: Group, identity_id: int, identity: Identity) -> None:
        was = self.live.owners(identity_id)
        would = self._graph.owners(identity)
        if was.keys() == would.keys():
            return
        left, come = was.keys() - would.keys(), would.keys() - was.keys()
        rule = self.live.rules.of(was[min(left)]) if left else ""
        candidate_rule = self.rules.of(would[min(come)]) if come else ""
        if len(group.samples) >= MAX_SAMPLES:
            group.count += 1
            group.rules[rule, candidate_rule] += 1
            return
        group.add(
            Sample(
                others=tuple(sorted({self._public(mpid) for mpid in would})),
                rule=rule,
                candidate_rule=candidate_rule,
                identity=(int(identity.type), identity.value),
                owners=tuple(sorted(was)),
            )
        )


def _sample(seq: int, was: Answered, would: Answered, times: int) -> Sample:
    return Sample(was.mpid, (would.mpid,), seq, times, was.rule, would.rule)
